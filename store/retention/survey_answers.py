"""What members answered when they were asked about the program; each has one voice a question in a window, their last."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.evaluation.figures import Answers
from domain.model import Message
from domain.retention.surveys import DETRACTING, PROMOTING, SATISFIED, Question
from store.tables import survey_answer


class SurveyAnswer(Message):
    """An answer of a member."""

    question: Question
    value: int
    answered_at: datetime


async def keep(connection: AsyncConnection, program: str, participant: str, key: str, answer: SurveyAnswer) -> None:
    """Keep an answer under its key; a repetition changes nothing."""
    row = {"program": program, "participant": participant, "key": key, **answer.model_dump()}
    await connection.execute(insert(survey_answer).values(row).on_conflict_do_nothing())


async def of_member(connection: AsyncConnection, program: str, participant: str) -> Sequence[SurveyAnswer]:
    """A member's answers, the newest first."""
    rows = await connection.execute(
        select(*(survey_answer.c[name] for name in SurveyAnswer.model_fields))
        .where(survey_answer.c.program == program, survey_answer.c.participant == participant)
        .order_by(survey_answer.c.answered_at.desc(), survey_answer.c.key)
    )
    return [SurveyAnswer.model_validate(dict(row)) for row in rows.mappings()]


async def counted(connection: AsyncConnection, program: str, since: datetime, until: datetime) -> Answers:
    """How many answered in (since, until], and how: by each member's last answer to each question."""
    last = (
        select(survey_answer.c.question, survey_answer.c.value)
        .ext(distinct_on(survey_answer.c.participant, survey_answer.c.question))
        .where(survey_answer.c.program == program, survey_answer.c.answered_at > since, survey_answer.c.answered_at <= until)
        .order_by(
            survey_answer.c.participant, survey_answer.c.question, survey_answer.c.answered_at.desc(), survey_answer.c.key
        )
        .subquery()
    )
    recommending, content = last.c.question == "recommend", last.c.question == "satisfaction"
    row = await connection.execute(
        select(
            func.count().filter(recommending).label("asked_to_recommend"),
            func.count().filter(recommending, last.c.value >= PROMOTING).label("promoters"),
            func.count().filter(recommending, last.c.value <= DETRACTING).label("detractors"),
            func.count().filter(content).label("asked_if_satisfied"),
            func.count().filter(content, last.c.value >= SATISFIED).label("satisfied"),
        )
    )
    return Answers.model_validate(dict(row.mappings().one()))
