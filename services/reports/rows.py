"""The rows of operational reports, from the store and the ledger as of an instant."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.definition.document import Definition
from domain.evaluation.kpis import Verdict
from domain.gates.state import counted
from domain.members.journey import journey_stage
from domain.money import in_units
from domain.programs import holds
from domain.programs.stages import ENDED, product_status
from domain.programs.wind_down import TITLES
from domain.reports.tables import Cell, Outline, Report, months
from ledger import Ledger
from store.acceptance import evidence
from store.evaluation import evaluations
from store.gates import gates
from store.programs import programs, wind_down
from store.reports import as_of

Rows = list[tuple[Cell, ...]]
_SENT_WITHIN = timedelta(minutes=5)
"""A nudge is normally sent within a second; one that waits for longer than this is stuck."""
_EVALUATED_WITHIN = 2
"""Intervals without an evaluation after which the report says so: one may be under way, or have been skipped."""

_ENDED_WITHIN = timedelta(hours=1)
"""A step of the wind-down normally ends within minutes of its date; one that takes longer than this is late."""


@dataclass(frozen=True)
class Then:
    """A program as of an instant, with the definition in force then, or before the launch the first one."""

    ledger: Ledger
    connection: AsyncConnection
    record: programs.ProgramRecord
    definition: Definition
    at: datetime
    is_now: bool

    @property
    def program(self) -> str:
        return self.record.id

    @property
    def zone(self) -> str:
        return self.definition.time_zone

    def month(self, instant: datetime) -> date:
        """Return the first day of an instant's month, in the program's zone."""
        return instant.astimezone(self.definition.zone).date().replace(day=1)

    @property
    def months(self) -> list[date]:
        """Every month of the program's life up to the instant."""
        return months(self.month(self.record.launched_at or self.record.started_at), self.month(self.at))


async def report(then: Then, outline: Outline) -> Report:
    """Compose the report as of the instant."""
    rows, notes = await _BUILT[outline.name](then)
    return Report(
        outline=outline,
        program=then.program,
        as_of=then.at,
        time_zone=then.zone,
        money=then.definition.money,
        rows=tuple(rows),
        notes=tuple(notes),
    )


async def _status(then: Then) -> tuple[Rows, list[str]]:
    stages = [each for each in await programs.stages(then.connection, then.program) if each.at <= then.at]
    stage = stages[-1] if stages else None
    waves = [each for each in await programs.waves(then.connection, then.program) if each.at <= then.at]
    spans = await as_of.gate_spans(then.connection, then.program, then.at)
    in_force = await programs.in_force_at(then.connection, then.program, then.at)
    verdict = await _verdict(then)
    figures = await then.ledger.window_figures(then.program, then.record.started_at, then.at, _currency(then))
    rows: Rows = [
        ("program", then.record.name),
        ("owner", then.record.owner),
        ("stage", stage.stage if stage else "requirements"),
        ("stage since", stage.at if stage else then.record.started_at),
        ("product status", product_status(stage.stage if stage else "requirements")),
        ("on hold", "; ".join(holds.describe(each) for each in then.record.holds if each.stands_at(then.at)) or None),
        ("note", stage.note if stage else ""),
        ("revision in force", in_force.number if in_force else None),
        ("wave", f"{waves[-1].wave} ({waves[-1].audience})" if waves else None),
        ("members", await as_of.members_at(then.connection, then.program, then.at)),
        ("points outstanding", figures.outstanding),
        ("management liability", _liability(then.definition, _currency(then), figures.outstanding)),
        ("gates open", sum(1 for each in spans if each.outcome is None)),
        ("last evaluated", verdict.at if verdict else None),
        ("last verdict", verdict.consequence if verdict else None),
    ]
    return rows, [f"Points are of {_currency(then)}, money is in {then.definition.money}."]


async def _members(then: Then) -> tuple[Rows, list[str]]:
    """Count members by tier and journey stage; as in a member's review, silence counts from the last activity or joining."""
    present = await as_of.present(then.connection, then.program, then.at)
    if then.record.data_erased_at is not None:
        many = Counter(each.tier for each in present)
        tiers = dict.fromkeys([*(tier.id for tier in then.definition.tiers), *many])
        return [(tier, None, None, None, many[tier]) for tier in tiers], [
            f"What was known about members was erased on {then.record.data_erased_at:%Y-%m-%d}: who was active when is not "
            "known any more."
        ]
    active = await then.ledger.last_activities(then.program, then.at)
    policy = then.definition.retention
    silent_since = policy.silent_after.before(then.at, then.definition.zone) if policy else None
    counts: dict[str, dict[str, int]] = {tier.id: {} for tier in then.definition.tiers}
    for each in present:
        last = active.get(each.participant)
        silent = silent_since is not None and (last or each.joined_at) <= silent_since
        of_tier = counts.setdefault(each.tier, {})
        stage = journey_stage(has_activity=last is not None, silent=silent)
        of_tier[stage] = of_tier.get(stage, 0) + 1
    rows: Rows = [
        (tier, *(found.get(stage, 0) for stage in ("onboarding", "using", "lapsing")), sum(found.values()))
        for tier, found in counts.items()
    ]
    return rows, [] if policy else ["The definition has no retention, so that nobody is lapsing."]


async def _movement(then: Then) -> tuple[Rows, list[str]]:
    """members = those before + joined - left; active = those before + new + reactivated - lapsed."""
    joined = {each.month: each for each in await as_of.member_months(then.connection, then.program, then.zone, then.at)}
    active = {each.month: each for each in await then.ledger.active_months(then.program, then.zone, then.at)}
    rows: Rows = []
    members = stopped = 0
    present = then.month(then.at)
    every = months(min([*joined, *active, *then.months]), present)
    for month in every:
        moved, lived = joined.get(month), active.get(month)
        came, went = (moved.joined, moved.left) if moved else (0, 0)
        members += came - went
        # A member who was active last month may still become active before this month is over.
        expired = None if month == present else stopped
        counted = (lived.new, lived.reactivated, expired, lived.active) if lived else (0, 0, expired, 0)
        rows.append((f"{month:%Y-%m}", came, went, members, *counted))
        stopped = lived.stopped if lived else 0
    return rows, [
        "members = members before + joined - left; active = active before + new + reactivated - lapsed.",
        f"{present:%Y-%m} is not over: who lapsed in it is not known yet.",
    ]


async def _points(then: Then) -> tuple[Rows, list[str]]:
    found = {(each.month, each.currency): each for each in await then.ledger.months_of_points(then.program, then.zone, then.at)}
    revisions = await programs.revisions_in_force(then.connection, then.program)
    currencies = sorted({_currency(then), *(currency for _, currency in found)})
    outstanding = dict.fromkeys(currencies, 0)
    rows: Rows = []
    every = months(min([*(month for month, _ in found), *then.months]), then.month(then.at))
    for month in every:
        in_force = revisions.at(min(_end_of(month, then), then.at))
        definition = in_force.definition if in_force else then.definition
        for currency in currencies:
            each = found.get((month, currency))
            issued, burned, expired, forfeited, changed = each[2:] if each else (0, 0, 0, 0, 0)
            outstanding[currency] += changed
            otherwise = changed - (issued - burned - expired - forfeited)
            liability = _liability(definition, currency, outstanding[currency])
            rows.append(
                (f"{month:%Y-%m}", currency, issued, burned, expired, forfeited, otherwise, outstanding[currency], liability)
            )
    return rows, [
        "outstanding = outstanding before + issued - redeemed - expired - forfeited + otherwise (given or taken by hand, "
        "clawed back, converted, paid out).",
        f"liability = outstanding x cost per point x expected redemption rate, as they were then, in {then.definition.money}.",
    ]


async def _expiry(then: Then) -> tuple[Rows, list[str]]:
    rows: Rows = []
    for each in await then.ledger.lapsing(then.program, then.zone, then.at):
        month = "due already" if each.past else f"{each.month:%Y-%m}" if each.month else "never"
        if rows and rows[-1][:2] == (month, each.currency):  # points due already, of several months, are one row
            points, members = int(str(rows[-1][2])) + each.points, int(str(rows[-1][3])) + each.members
            rows[-1] = (month, each.currency, points, members)
        else:
            rows.append((month, each.currency, each.points, each.members))
    notes = ["Who has points of several months is counted in each."]
    if not then.is_now:
        notes.append(
            "The ends are those that the points have now: how they moved since (an activity, a new tier) is not undone."
        )
    return rows, notes


async def _redemptions(then: Then) -> tuple[Rows, list[str]]:
    return [tuple(each) for each in await as_of.rewards(then.connection, then.program, then.at)], [
        "points are those of the fulfilled ones; what was given back since by a correction is not taken off."
    ]


async def _decisions(then: Then) -> tuple[Rows, list[str]]:
    rows: Rows = [
        (
            each.id,
            each.about,
            each.outcome or "open",
            each.opened_at,
            each.due,
            each.decided_at,
            _hours((each.decided_at or then.at) - each.opened_at),
            each.approvals,
            each.other_votes,
            each.not_counted,
        )
        for each in await as_of.gate_spans(then.connection, then.program, then.at)
    ]
    return rows, ["hours are those that a gate took, or has been open for."]


async def _exceptions(then: Then) -> tuple[Rows, list[str]]:
    found = (_of_holds, _of_the_end, _of_gates, _of_evidence, _of_evaluations, _of_members, _of_notices)
    rows = [row for each in found for row in await each(then)]
    notes = []
    if then.is_now:
        rows += [
            (
                "gate beyond reach",
                state.id,
                state.opened_at,
                f"nobody who is known could approve as {counted(missing)}",
                "Give somebody the role, or have what asked for the gate withdrawn.",
            )
            for state, missing in await gates.beyond_reach(then.connection, then.program)
        ]
        checked = await then.ledger.check(then.program)
        rows += [
            (
                "drift",
                each.participant or "the whole",
                None,
                f"{each.what}: expected {each.expected}, found {each.found}",
                "See `tenure ledger check`.",
            )
            for each in checked.drifts
        ]
    else:
        notes += [
            "Drift of the ledger, and gates that nobody could meet, are found as of now alone: see the report as of today.",
            "A notice that was given up then, and has been sent again since, is not told; nor is what troubled the end then.",
        ]
    return rows, notes


async def _of_holds(then: Then) -> Rows:
    """Return the program's holds and halts."""
    return [
        (
            "on hold" if each.kind == "hold" else "halted",
            then.program,
            each.since,
            f"stops {', '.join(each.stops)}; {each.begun_by}: {each.reason}",
            f"To go on: tenure program resume {then.program} --reason WHY",
        )
        for each in then.record.holds
        if each.stands_at(then.at)
    ]


async def _of_the_end(then: Then) -> Rows:
    """Return the steps of the wind-down that are under way and in trouble, or late."""
    rows: Rows = []
    remedy = f"See `tenure program wind-down {then.program}`, and its workflow in the Temporal UI."
    for step in await wind_down.steps(then.connection, then.program):
        if step.began_at is None or step.began_at > then.at or (step.ended_at is not None and step.ended_at <= then.at):
            continue
        name = f"step {step.number}, {step.step.replace('_', ' ')}"
        if step.trouble:
            rows.append(("wind-down in trouble", name, step.began_at, f"tried {step.attempts} times: {step.trouble}", remedy))
        elif step.due is not None and then.at - step.due > _ENDED_WITHIN:
            rows.append(("wind-down late", name, step.due, step.told or TITLES[step.step], remedy))
    return rows


async def _of_gates(then: Then) -> Rows:
    """Return the gates that should have ended, and approved proposals of an amendment that was not submitted."""
    rows: Rows = []
    spans = await as_of.gate_spans(then.connection, then.program, then.at)
    for each in spans:
        if each.outcome is None and each.due <= then.at:
            rows.append(
                ("gate overdue", each.id, each.due, each.about, "See in the Temporal UI why its workflow does not end.")
            )
    submitted = [each.submitted_at for each in await programs.revisions(then.connection, then.program)]
    for each in spans:
        decided = each.decided_at
        wanted = "/gate/amendment/" in each.id and each.outcome == "approved" and decided is not None
        if wanted and decided and not any(decided <= at <= then.at for at in submitted):
            rows.append(
                ("amendment wanted", each.id, decided, each.about, f"Hand one in: tenure program revise {then.program} FILE")
            )
    return rows


async def _of_evidence(then: Then) -> Rows:
    tests = [each for each in await evidence.tests(then.connection, then.program) if each.at <= then.at]
    last = {(each.revision, each.phase): each for each in tests}  # a phase that has passed since, by a retry, did not fail
    rows: Rows = [
        ("test failed", f"r{each.revision} {each.phase}", each.at, each.kind, "Hand in a revision that passes.")
        for each in last.values()
        if not each.passed
    ]
    rows += [
        ("prototype failed", f"r{each.revision}", each.at, each.log, "Hand in a revision that meets its criteria.")
        for each in await evidence.prototypes(then.connection, then.program)
        if not each.passed and each.at <= then.at
    ]
    return rows


async def _of_evaluations(then: Then) -> Rows:
    """Return the results of the last verdict with a consequence, and a missing evaluation that is due."""
    rows: Rows = []
    verdict = await _verdict(then)
    for result in verdict.results if verdict else ():
        if result.consequence != "continue":
            rows.append(
                ("verdict", result.kpi, result.window_end, f"{result.consequence}: {result.formula}", "See the evaluation.")
            )
    launched, closed = then.record.launched_at, then.record.closed_at
    stages = [each.stage for each in await programs.stages(then.connection, then.program) if each.at <= then.at]
    runs = bool(stages) and stages[-1] not in ENDED and stages[-1] != "wind_down" and closed is None
    if launched is not None and launched <= then.at and runs:
        since = verdict.at if verdict else launched
        if then.at - since > _EVALUATED_WITHIN * then.definition.evaluation.every.approximate():
            text = f"due every {then.definition.evaluation.every}"
            rows.append(("not evaluated", then.program, since, text, f"See `tenure program schedule show {then.program}`."))
    return rows


async def _of_members(then: Then) -> Rows:
    """Return the delays that concern members: a reward, the end of an offer, and a nudge that is stuck."""
    rows: Rows = []
    for each in await as_of.in_doubt(then.connection, then.program, then.at):
        reward = then.definition.reward(each.reward)
        if reward is None or then.at - each.asked_at > reward.fulfil_within.approximate():
            text = f"{each.reward}, neither handed out nor given back"
            rows.append(("redemption in doubt", each.id, each.asked_at, text, "Ask who hands it out; see its workflow."))
    for offer in await as_of.offers_overdue(then.connection, then.program, then.at):
        rows.append(("offer overdue", offer.id, offer.due, "its answer was waited for until then", "See its workflow."))
    for nudge in await then.ledger.unsent(then.program, then.at - _SENT_WITHIN, then.at):
        rows.append(
            ("nudge not sent", nudge.workflow_id, nudge.created_at, "it waits in the outbox", "See that a worker runs.")
        )
    return rows


async def _of_notices(then: Then) -> Rows:
    """Return the notices that were not delivered."""
    return [
        (
            "notice not delivered",
            each.id,
            each.given_up_at,
            f"{each.kind}, by {each.channel}: {each.gate or 'a test'}",
            f"See why, and send it again: tenure notice replay {each.id}",
        )
        for each in await as_of.dead_notices(then.connection, then.program, then.at)
    ]


async def _verdict(then: Then) -> Verdict | None:
    """Return the newest evaluation by then."""
    found = await evaluations.verdicts_before(then.connection, then.program, then.at + timedelta(microseconds=1), 1)
    return found[0] if found else None


def _currency(then: Then) -> str:
    return then.definition.currency.code


def _liability(definition: Definition, currency: str, outstanding: int) -> Decimal | None:
    """Return the expected cost of the points; None for a currency that the definition of that time did not have."""
    for each in (definition.currency, *definition.other_currencies):
        if each.code == currency:
            return in_units(definition.money, outstanding * each.cost_per_point * each.expected_redemption_rate)
    return None


def _end_of(month: date, then: Then) -> datetime:
    """Return the last instant of a month in the program's zone."""
    following = months(month, month + timedelta(days=31))[-1]
    begin = datetime(following.year, following.month, 1, tzinfo=then.definition.zone)
    return begin.astimezone(UTC) - timedelta(microseconds=1)


def _hours(took: timedelta) -> Decimal:
    return round(Decimal(took.total_seconds()) / 3600, 2)


_BUILT: Mapping[str, Callable[[Then], Awaitable[tuple[Rows, list[str]]]]] = {
    "status": _status,
    "members": _members,
    "movement": _movement,
    "points": _points,
    "expiry": _expiry,
    "redemptions": _redemptions,
    "decisions": _decisions,
    "exceptions": _exceptions,
}
