"""Survey answers: how likely members would recommend the program, and how content they are."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, ValidationInfo, field_validator

from api.auth.authorization import require
from api.http.dependencies import WithServices
from api.http.idempotency import Key, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from domain import ids
from domain.identity.person import Person
from domain.members.errors import MemberGone
from domain.model import Value
from domain.points.errors import OutOfTime
from domain.retention.surveys import SCALE, Question
from services.points.rating import check_clock
from store.members import members
from store.programs import programs
from store.retention import survey_answers
from store.retention.survey_answers import SurveyAnswer

router = APIRouter(prefix="/programs/{program}/members/{participant}/answers", tags=["members"])


class AnswerIn(Value):
    """What a member answered: to `recommend` from 0 to 10, to `satisfaction` from 1 to 5; without an instant, now."""

    question: Question
    value: int
    answered_at: AwareDatetime | None = None

    @field_validator("value")
    @classmethod
    def _on_the_scale(cls, value: int, given: ValidationInfo) -> int:
        question: Question | None = given.data.get("question")
        if question is None:  # which has a fault of its own
            return value
        least, most = SCALE[question]
        if not least <= value <= most:
            raise ValueError(f"{question} is answered from {least} to {most}, and not by {value}")
        return value


class AnswerOut(Value):
    """An answer that is kept."""

    program: str
    participant: str
    question: Question
    value: int
    answered_at: AwareDatetime


class AnswersOut(Value):
    """A member's answers, the newest first; in a figure's window the last to each question counts."""

    program: str
    participant: str
    answers: Sequence[SurveyAnswer]


_TO_ANSWERS = links(201, list_answers={"program": "$response.body#/program", "participant": "$response.body#/participant"})


@router.post("", status_code=201, response_model=AnswerOut, responses=together(_TO_ANSWERS, raises(MemberGone, OutOfTime)))
async def keep_answer(
    program: str,
    participant: str,
    given: AnswerIn,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(require("serve members"))],
) -> JSONResponse:
    """Keep what a member answered; the net promoter score and satisfaction are computed from it."""

    async def act() -> StoredResponse:
        now = datetime.now(UTC)
        answer = SurveyAnswer(question=given.question, value=given.value, answered_at=given.answered_at or now)
        check_clock(answer.answered_at, now, "answered_at")
        async with services.engine.begin() as connection:
            await programs.find(connection, program)
            member = await members.find(connection, program, participant)
            if member.status != "active":
                raise MemberGone(participant)
            if answer.answered_at < member.joined_at:
                raise OutOfTime(
                    f"{answer.answered_at.isoformat()} is before the member joined ({member.joined_at.isoformat()}).",
                    remedy="Only what members answer counts, from joining on.",
                    field="answered_at",
                )
            await survey_answers.keep(connection, program, participant, ids.asked(person.id, key), answer)
        body = AnswerOut(program=program, participant=participant, **dict(answer))
        return StoredResponse(201, body.model_dump(mode="json"), f"/programs/{program}/members/{participant}/answers")

    return await idempotent(request, services, person, key, act)


@router.get("", dependencies=[Depends(require("read members"))])
async def list_answers(program: str, participant: str, services: WithServices) -> AnswersOut:
    """What a member has answered, the newest first."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        await members.find(connection, program, participant)
        found = await survey_answers.of_member(connection, program, participant)
    return AnswersOut(program=program, participant=participant, answers=found)
