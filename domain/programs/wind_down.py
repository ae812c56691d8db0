"""The end of a program in its ten steps: their names, their dates, and what the end means in figures. Pure."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from domain.definition.document import Definition
from domain.definition.jurisdictions import earliest_end
from domain.model import Message
from domain.money import in_units

Step = Literal[
    "case",
    "partners",
    "announcement",
    "earning",
    "redeeming",
    "last_redemption",
    "remainder",
    "statements",
    "books",
    "closing",
]
TITLES: dict[Step, str] = {
    "case": "Case and impact; the gate decides",
    "partners": "Partners are told; no amendment is taken any more",
    "announcement": "The end is announced; enrolment closes; members may still earn and redeem",
    "earning": "Earning has stopped; pending points mature; late files and returns still count",
    "redeeming": "Points can only be redeemed; none lapses by age",
    "last_redemption": "Last redemptions; what is held is settled",
    "remainder": "What is left of the points is settled",
    "statements": "Partners get their final statements",
    "books": "The remaining liability is released; the trial balance is zero",
    "closing": "Memberships end; personal data; final report",
}
STEPS: tuple[Step, ...] = tuple(TITLES)


class Dates(Message):
    """The instants of a program's end. Each is the first at which the thing is over."""

    announced: datetime
    """Day 0: nobody joins any more."""
    earning_until: datetime
    late_until: datetime
    """Until when what happened before `earning_until` can still be posted, confirmed or taken back."""
    redeeming_until: datetime
    reminders: tuple[datetime, ...]
    """When members who still have points are reminded, in order."""


class Impact(Message):
    """What the end of a program means: whom it concerns, how many points, and what the company owes for them."""

    members: int
    invited: int
    """Who was invited and has not joined."""
    points: dict[str, int]
    """Outstanding points by currency."""
    held: int
    """Points that redemptions under way keep."""
    pending: int
    """Points that wait for their confirmation."""
    liability: Decimal
    """In units of the program's money, by its expected redemption rate."""
    money: str
    partners: tuple[str, ...]
    dates: Dates
    """As they would be if the end were announced at once."""

    @property
    def told(self) -> str:
        """The impact in a sentence, as the gate shows it."""
        points = ", ".join(f"{points:,} {currency}" for currency, points in self.points.items()) or "no points"
        return (
            f"{_counted(self.members, 'member')}, {points} outstanding, liability {self.liability:,} {self.money}, "
            f"{_counted(len(self.partners), 'partner')}; nothing is redeemed any more from "
            f"{self.dates.redeeming_until:%d %b %Y} on"
        )


class Due(NamedTuple):
    """Something of the redeem-only time that is to be done at an instant: `number` tells one reminder from the next."""

    at: datetime
    what: Literal["late_files_end", "remind", "redeeming_ends"]
    number: int = 0


def dates(definition: Definition, announced: datetime) -> Dates:
    """When what ends, if the end is announced at this instant; calendar months are those of the program's own time zone.

    However the definition is written, members have the time to redeem that the places ask for which it names.
    """
    policy, zone = definition.wind_down, definition.zone
    earning_until = policy.notice.after(announced, zone)
    written = policy.redeem_window.after(earning_until, zone)
    redeeming_until = max(written, earliest_end(definition.jurisdictions, earning_until, zone) or written)
    reminders = {before.before(redeeming_until, zone) for before in policy.reminders}
    return Dates(
        announced=announced,
        earning_until=earning_until,
        late_until=min(policy.late_files.after(earning_until, zone), redeeming_until),
        redeeming_until=redeeming_until,
        reminders=tuple(sorted(at for at in reminders if earning_until < at < redeeming_until)),
    )


def agenda(planned: Dates) -> tuple[Due, ...]:
    """What is to be done once earning has stopped, in the order of time; the last is that redeeming ends."""
    found = [Due(planned.late_until, "late_files_end")]
    found += [Due(at, "remind", number) for number, at in enumerate(planned.reminders, 1)]
    return (*sorted(found, key=lambda due: due.at), Due(planned.redeeming_until, "redeeming_ends"))


def step_dates(planned: Dates) -> dict[Step, datetime]:
    """When each step is to be over, as far as a date says so; the steps after the last redemption follow at once."""
    return {
        "case": planned.announced,
        "partners": planned.announced,
        "announcement": planned.earning_until,
        "earning": planned.late_until,
        **dict.fromkeys(STEPS[STEPS.index("redeeming") :], planned.redeeming_until),
    }


def liability(definition: Definition, outstanding: Mapping[str, int]) -> Decimal:
    """The sum over all currencies of outstanding points, times cost per point, times expected redemption rate, in money."""
    currencies = {each.code: each for each in (definition.currency, *definition.other_currencies)}
    owed = Decimal(0)
    for code, points in outstanding.items():
        if code in currencies:
            owed += points * currencies[code].cost_per_point * currencies[code].expected_redemption_rate
    return in_units(definition.money, owed)


def rates(definition: Definition) -> dict[str, Decimal]:
    """What one point of each currency becomes at the end: money (`cash_out`), or a partner's points (`convert`)."""
    policy = definition.wind_down
    if policy.remainder == "cash_out":
        return {each.code: each.value_per_point for each in (definition.currency, *definition.other_currencies)}
    return dict(policy.into.rates) if policy.into is not None else {}


def _counted(many: int, noun: str) -> str:
    return f"{many:,} {noun}{'s' * (many != 1)}"
