"""The end of a program in ten steps: their names, their dates, and the impact of the end in figures. Pure."""

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
    "redeeming": "Points can only be redeemed; none expires by age",
    "last_redemption": "Last redemptions; what is held is settled",
    "remainder": "What is left of the points is settled",
    "statements": "Partners get their final statements",
    "books": "The remaining liability is released; the trial balance is zero",
    "closing": "Memberships end; personal data; final report",
}
STEPS: tuple[Step, ...] = tuple(TITLES)


class Dates(Message):
    """The instants of a program's end. Each is the first one after the time that it ends."""

    announced: datetime
    """Day 0: enrolment closes."""
    earning_until: datetime
    late_until: datetime
    """Until then, events before `earning_until` can still be posted, confirmed or reversed."""
    redeeming_until: datetime
    reminders: tuple[datetime, ...]
    """When members who still have points are reminded, in order."""


class Impact(Message):
    """The impact of a program's end: members, points, and the company's liability for them."""

    members: int
    invited: int
    """The number of people who were invited and have not joined."""
    points: dict[str, int]
    """Outstanding points by currency."""
    held: int
    """Points held by redemptions under way."""
    pending: int
    """Points that wait for their confirmation."""
    liability: Decimal
    """In units of the program's money, by its expected redemption rate."""
    money: str
    partners: tuple[str, ...]
    dates: Dates
    """The dates if the end were announced at once."""

    @property
    def summary(self) -> str:
        """The impact in a sentence, for the gate."""
        points = ", ".join(f"{points:,} {currency}" for currency, points in self.points.items()) or "no points"
        return (
            f"{_counted(self.members, 'member')}, {points} outstanding, liability {self.liability:,} {self.money}, "
            f"{_counted(len(self.partners), 'partner')}; nothing is redeemed any more from "
            f"{self.dates.redeeming_until:%d %b %Y} on"
        )


class Due(NamedTuple):
    """An action of the redeem-only time, and its instant; `number` counts the reminders."""

    at: datetime
    what: Literal["late_files_end", "remind", "redeeming_ends"]
    number: int = 0


def dates(definition: Definition, announced: datetime) -> Dates:
    """The dates of an end that is announced at this instant; calendar months are those of the program's time zone.

    Members always have at least the legal minimum of the definition's jurisdictions to redeem.
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
    """The actions after earning has stopped, in the order of time; the last is the end of redeeming."""
    found = [Due(planned.late_until, "late_files_end")]
    found += [Due(at, "remind", number) for number, at in enumerate(planned.reminders, 1)]
    return (*sorted(found, key=lambda due: due.at), Due(planned.redeeming_until, "redeeming_ends"))


def step_dates(planned: Dates) -> dict[Step, datetime]:
    """When each step should be over, if it has a date; the steps after the last redemption follow at once."""
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
    """The value of one point of each currency at the end: in money (`cash_out`), or in a partner's points (`convert`)."""
    policy = definition.wind_down
    if policy.remainder == "cash_out":
        return {each.code: each.value_per_point for each in (definition.currency, *definition.other_currencies)}
    return dict(policy.into.rates) if policy.into is not None else {}


def _counted(many: int, noun: str) -> str:
    return f"{many:,} {noun}{'s' * (many != 1)}"
