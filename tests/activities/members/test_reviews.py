"""A member's reviews against the ledger: windows, milestones and benefits paid once, tiers for life, amendments."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.members.members import Joining, MemberActivities, ReviewRequest
from domain.definition.document import Definition
from domain.members.membership import MemberReview
from domain.members.tiers import TierStatus
from domain.points import earning
from domain.rollout.openings import WaveOpening
from ledger import Confirm
from services.points.earn_requests import earn_for_event, seen_under_caps
from store.members import members
from store.programs import programs
from tests.stack import Stack, example, first_revision, program_id

START = datetime(2025, 4, 1, 9, 0, tzinfo=UTC)
ANN = "ann"


class ReviewedMember:
    """A program in force, and a member of it, looked at when the test says so."""

    def __init__(self, stack: Stack, definition: Definition) -> None:
        self.stack = stack
        self.definition = definition
        self.activities = MemberActivities(stack.engine, stack.ledger)

    async def open(self, joined: datetime = START) -> None:
        program = self.definition.program
        async with self.stack.engine.begin() as connection:
            await programs.register(connection, first_revision(self.definition, START))
            await programs.put_in_force(connection, program, 1, START)
            await programs.open_wave(
                connection, WaveOpening(program=program, revision=1, wave="all", share=Decimal(100), at=START)
            )
        joining = Joining(program=program, participant=ANN, agreement="1", at=joined)
        for _ in range(2):  # an activity may come twice
            await ActivityEnvironment().run(self.activities.establish_member, joining)

    async def post(self, event: str, at: datetime, amount: int = 0, **attributes: str | bool | Decimal) -> None:
        """Post an event as the API does; what waits for a confirmation gets it at once."""
        record = await self.record()
        what = earning.Event(type=event, amount=Decimal(amount), attributes=attributes)
        capped = earning.capped(self.definition, event, at, record.joined_at)
        (seen,) = await seen_under_caps(self.stack.ledger, record.program, [(ANN, capped)])
        key = f"{event}/{at.isoformat()}"
        earn = earn_for_event(self.definition, 1, record, what, key=key, at=at, seen=seen)
        await self.stack.ledger.earn(earn)
        if earn.pending:
            common = earn.model_dump(include={"program", "participant", "currency", "effective_at"})
            await self.stack.ledger.confirm(Confirm(**common, key=f"{key}/confirmed", earn=key))

    async def look(self, at: datetime) -> MemberReview:
        """Two looks at one instant, as when an activity is repeated."""
        request = ReviewRequest(program=self.definition.program, participant=ANN, at=at)
        first = await ActivityEnvironment().run(self.activities.review_member, request)
        assert (await ActivityEnvironment().run(self.activities.review_member, request)).membership == first.membership
        return first

    async def record(self) -> members.MemberRecord:
        async with self.stack.engine.connect() as connection:
            return await members.find(connection, self.definition.program, ANN)

    async def balance(self) -> int:
        return (await self.stack.ledger.balance(self.definition.program, ANN, self.definition.currency.code)).posted


async def _reviewed_member(stack: Stack, name: str, joined: datetime = START, **changes: Any) -> ReviewedMember:
    reviewed = ReviewedMember(stack, example(f"{name}.yaml", program_id("review"), **changes))
    await reviewed.open(joined)
    return reviewed


async def test_milestones_are_paid_once_in_a_year_and_again_in_the_next(stack: Stack) -> None:
    reviewed = await _reviewed_member(stack, "british-airways-club")
    await reviewed.post("flight", START, 5500)
    for hours in (1, 2):
        await reviewed.look(START + timedelta(hours=hours))
    assert await reviewed.balance() == 5500 * 6 + 2500
    await reviewed.post("flight", START + timedelta(days=1), 10500)
    await reviewed.look(START + timedelta(days=2))
    assert await reviewed.balance() == 5500 * 6 + 2500 + 10500 * 7 + 4000 + 5000
    next_year = START + timedelta(days=366)
    await reviewed.post("flight", next_year, 5500)
    await reviewed.look(next_year)
    assert await reviewed.balance() == 5500 * 6 + 2500 + 10500 * 7 + 4000 + 5000 + 5500 * 8 + 2500


async def test_a_tier_lasts_to_the_end_of_the_next_year_and_its_grace_then_drops_by_one(stack: Stack) -> None:
    reviewed = await _reviewed_member(stack, "british-airways-club")
    await reviewed.post("flight", START, 20000)
    gold = (await reviewed.look(START)).membership
    end = datetime(2027, 4, 30, 23, tzinfo=UTC)
    assert (gold.tier, gold.tier_until) == ("gold", end)
    assert (await reviewed.look(end - timedelta(hours=1))).membership.tier == "gold"
    silver = (await reviewed.look(end)).membership
    assert (silver.tier, silver.tier_until) == ("silver", datetime(2028, 4, 30, 23, tzinfo=UTC))


async def test_flying_enough_again_moves_the_end_at_once(stack: Stack) -> None:
    reviewed = await _reviewed_member(stack, "british-airways-club")
    await reviewed.post("flight", START, 20000)
    await reviewed.look(START)
    again = START + timedelta(days=400)
    await reviewed.post("flight", again, 20000)
    assert (await reviewed.look(again)).membership.tier_until == datetime(2028, 4, 30, 23, tzinfo=UTC)


async def test_a_flight_of_last_year_that_comes_late_counts_for_last_year(stack: Stack) -> None:
    reviewed = await _reviewed_member(stack, "british-airways-club")
    await reviewed.post("flight", datetime(2026, 3, 20, tzinfo=UTC), 7500)
    late = (await reviewed.look(datetime(2026, 4, 10, tzinfo=UTC))).membership
    assert (late.tier, late.tier_until) == ("silver", datetime(2027, 4, 30, 23, tzinfo=UTC))
    assert await reviewed.balance() == 7500 * 6 + 2500


async def test_benefits_with_points_are_given_once_on_joining_and_on_rising(stack: Stack) -> None:
    reviewed = await _reviewed_member(stack, "marketplace-sellers", datetime(2026, 1, 10, 9, tzinfo=UTC))
    assert await reviewed.balance() == 500
    at = datetime(2026, 1, 11, 9, tzinfo=UTC)
    for hours in range(5):
        await reviewed.post("sale", at + timedelta(hours=hours), 5000, **{"on-time": True})
    power = await reviewed.look(at + timedelta(hours=5))
    assert power.membership.tier == "power"
    assert await reviewed.balance() == 500 + 5 * 2500 + 1000 + 2500


async def test_every_benefit_is_kept_once_with_the_member_whether_or_not_it_brings_points(stack: Stack) -> None:
    joined, risen = datetime(2026, 1, 10, 9, tzinfo=UTC), datetime(2026, 1, 11, 14, tzinfo=UTC)
    reviewed = await _reviewed_member(stack, "marketplace-sellers", joined)
    for hours in range(5):
        await reviewed.post("sale", risen - timedelta(hours=5 - hours), 5000, **{"on-time": True})
    await reviewed.look(risen)
    await reviewed.look(risen + timedelta(hours=1))
    shown = await stack.get(f"/programs/{reviewed.definition.program}/members/{ANN}", "demo-shop")
    assert [(each["benefit"], each["occasion"], each["tier"], each["points"]) for each in shown["benefits"]] == [
        ("welcome", "joining", reviewed.definition.base_tier.id, 500),
        ("account-manager", "tier", "power", None),
        ("power-start", "tier", "power", 1000),
    ]
    assert shown["benefits"][1]["name"] == "An account manager of your own"
    assert [datetime.fromisoformat(each["at"]) for each in shown["benefits"]] == [joined, risen, risen]


async def test_a_benefit_for_staying_is_given_each_time_a_tier_is_kept(stack: Stack) -> None:
    suite = {"id": "suite", "name": "A suite for a night", "on": "renewal", "tiers": ["silver", "gold"]}
    reviewed = await _reviewed_member(stack, "british-airways-club", benefits=[suite])
    for at in (START, START + timedelta(days=370), START + timedelta(days=740)):
        await reviewed.post("flight", at, 20000)
        assert (await reviewed.look(at)).membership.tier == "gold"
    shown = await stack.get(f"/programs/{reviewed.definition.program}/members/{ANN}", "demo-shop")
    given = [(each["benefit"], each["tier"], datetime.fromisoformat(each["at"])) for each in shown["benefits"]]
    assert given == [("suite", "gold", START + timedelta(days=370)), ("suite", "gold", START + timedelta(days=740))]


async def test_a_cap_counts_what_the_ledger_keeps_of_its_rule(stack: Stack) -> None:
    reviewed = await _reviewed_member(stack, "marketplace-sellers", datetime(2026, 1, 10, 9, tzinfo=UTC))
    for day in (11, 12, 13):
        await reviewed.post("sale", datetime(2026, 1, day, tzinfo=UTC), 18000)
    assert await reviewed.balance() == 500 + 20000
    await reviewed.post("sale", datetime(2026, 2, 1, tzinfo=UTC), 100)
    assert await reviewed.balance() == 500 + 20000 + 50


async def test_nights_and_years_make_a_tier_for_life_at_its_very_instant(stack: Stack) -> None:
    reviewed = await _reviewed_member(stack, "marriott-bonvoy")
    await reviewed.post("stay", START, nights=Decimal(400))
    assert (await reviewed.look(START)).membership.tier == "titanium"
    for year in range(2026, 2033):
        at = datetime(year, 1, 15, 9, tzinfo=UTC)
        await reviewed.post("stay", at, nights=Decimal(25))
        review = await reviewed.look(at)
    due = START.replace(year=2032)
    assert (review.membership.tier, review.look_again_at) == ("gold", due)
    assert (await reviewed.look(due)).membership.tier_until is None


async def test_an_amendment_takes_effect_on_who_holds_a_tier_as_its_transition_says(stack: Stack) -> None:
    reviewed = await _reviewed_member(stack, "hilton-honors-2025")
    await reviewed.post("stay", START, nights=Decimal(40))
    gold = (await reviewed.look(START)).membership
    assert gold.tier == "gold"
    harder = [tier.model_dump() for tier in reviewed.definition.tiers]
    harder[2] |= {"id": "ruby", "replaces": ["gold"], "reach": {"all": [{"counter": "nights", "at_least": 50}]}, "keep": None}
    rules = [rule.model_copy(update={"tier_bonus": {}}).model_dump() for rule in reviewed.definition.earning]
    amended = Definition.model_validate(reviewed.definition.model_dump() | {"tiers": harder, "earning": rules})
    at = START + timedelta(days=30)
    revision = first_revision(amended, at).model_copy(update={"number": 2})
    async with stack.engine.begin() as connection:
        await programs.add_revision(connection, revision)
        await programs.put_in_force(connection, amended.program, 2, at)
    kept = (await reviewed.look(at)).membership
    assert (kept.tier, kept.tier_until, kept.tier_since) == ("ruby", gold.tier_until, gold.tier_since)
    assert TierStatus(tier=kept.tier, since=kept.tier_since, until=kept.tier_until) == (await reviewed.record()).tier_status
