"""What is known about a program's members is erased once, and whoever asks again gets the same answer."""

from decimal import Decimal

import pytest
from sqlalchemy import select, text
from temporalio.testing import ActivityEnvironment

from activities.programs.wind_down import EndStep, WindDownActivities
from domain.members.membership import Membership
from domain.programs.amendment_impact import MemberImpact
from store.errors import PersonalDataErased
from store.members import members
from store.programs import amendment_impacts, announcements, programs, wind_down
from store.retention import survey_answers
from store.retention.survey_answers import SurveyAnswer
from store.rollout import holdout
from store.rollout.holdout import ControlPurchase
from store.tables import survey_answer
from tests.anchors import AT
from tests.stack import Stack, example, first_revision, program_id


async def test_to_erase_again_changes_nothing_and_says_the_same(stack: Stack) -> None:
    program = program_id("erased")
    async with stack.engine.begin() as connection:
        await programs.register(connection, first_revision(example("cd-club.yaml", program), AT))
        for participant in ("ann", "bob"):
            joined = Membership(
                program=program, participant=participant, status="ended", tier="listener", tier_since=AT, tier_until=None,
                joined_at=AT, agreement="1997-01", journey_stage="using",
            )  # fmt: skip
            await members.establish(connection, joined)
    activities, environment = WindDownActivities(stack.engine, stack.ledger, stack.temporal), ActivityEnvironment()
    step = EndStep(program=program, step="closing", key=f"{program}/erasure", at=AT)

    references = []
    for _ in range(2):
        assert (await environment.run(activities.erase_personal_data, step)).members == 2
        async with stack.engine.connect() as connection:
            assert (await members.counts(connection, program))["status"] == {"ended": 2}
            named = text("SELECT participant FROM store.member WHERE program = :program ORDER BY participant")
            references.append(list(await connection.scalars(named, {"program": program})))
            with pytest.raises(PersonalDataErased):
                await members.find(connection, program, "ann")
    assert references[0] == references[1]


async def test_what_amendments_meant_for_a_member_and_what_outsiders_bought_goes_too(stack: Stack) -> None:
    program = program_id("erased")
    about = announcements.about_revision(2)
    joined = Membership(
        program=program, participant="ann-known", status="active", tier="listener", tier_since=AT, tier_until=None,
        joined_at=AT, agreement="1997-01", journey_stage="using",
    )  # fmt: skip
    async with stack.engine.begin() as connection:
        await programs.register(connection, first_revision(example("cd-club.yaml", program), AT))
        await members.establish(connection, joined)
        await announcements.record_member_announcements(
            connection, program, about, announcements.ANNOUNCED, AT, {"revision": 2}
        )
        row = MemberImpact(participant="ann-known", points_before=10, points_after=4)
        await amendment_impacts.keep_points(connection, program, 2, [row])
        bought = ControlPurchase(key="k", participant="ann-known", occurred_at=AT, amount=Decimal(1), fingerprint=b"-")
        assert await holdout.keep(connection, program, [bought]) == {"k"}
        await holdout.hold_out(connection, program, "would-have-joined", AT)
        said = SurveyAnswer(question="recommend", value=9, answered_at=AT)
        await survey_answers.keep(connection, program, "ann-known", "asked/ann-known", said)
        assert len(await announcements.notices(connection, program, about, 0, 10)) == 1
        assert await wind_down.erase(connection, program, AT) == 1
        (left,) = await amendment_impacts.members(connection, program, 2, None, 10)
        assert (left.points_change, left.participant.startswith("erased-")) == (-6, True)
        assert await announcements.notices(connection, program, about, 0, 10) == []
        assert not await holdout.stored(connection, program, ["k"])
        assert await holdout.count_held_out(connection, program) == 0
        answers = select(survey_answer.c.key, survey_answer.c.participant, survey_answer.c.value)
        answered = await connection.execute(answers.where(survey_answer.c.program == program))
        assert [(row.value, "known" in row.key + row.participant) for row in answered] == [(9, False)]
