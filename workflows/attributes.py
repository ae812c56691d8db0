"""The search attributes of each kind of workflow, made in one place."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from temporalio.common import SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from activities.search_attributes import AWAITING_ROLE, DUE, JOURNEY_STAGE, OWNER, PARTICIPANT, PROGRAM, REVISION, STAGE, TIER
from domain.identity.roles import Role
from domain.programs.stages import JourneyStage, Stage


def of_program(
    program: str, *, owner: str | None = None, revision: int | None = None, stage: Stage | None = None
) -> TypedSearchAttributes:
    """The search attributes of a program's workflow."""
    pairs: list[SearchAttributePair[Any]] = [SearchAttributePair(PROGRAM, program)]
    if owner is not None:
        pairs.append(SearchAttributePair(OWNER, owner))
    if revision is not None:
        pairs.append(SearchAttributePair(REVISION, revision))
    if stage is not None:
        pairs.append(SearchAttributePair(STAGE, stage))
    return TypedSearchAttributes(pairs)


def of_member(program: str, participant: str) -> TypedSearchAttributes:
    """The search attributes of a member's workflow; the participant is a reference, never a name."""
    return TypedSearchAttributes([SearchAttributePair(PROGRAM, program), SearchAttributePair(PARTICIPANT, participant)])


def at_stage(stage: Stage, revision: int) -> list[SearchAttributeUpdate[Any]]:
    return [STAGE.value_set(stage), REVISION.value_set(revision)]


def awaiting(roles: Sequence[Role], due: datetime) -> list[SearchAttributeUpdate[Any]]:
    """The roles for which a gate waits, and until when; no roles once it is decided."""
    if not roles:
        return [AWAITING_ROLE.value_unset(), DUE.value_unset()]
    return [AWAITING_ROLE.value_set(list(roles)), DUE.value_set(due)]


def tier_and_stage(tier: str, journey_stage: JourneyStage) -> list[SearchAttributeUpdate[Any]]:
    return [TIER.value_set(tier), JOURNEY_STAGE.value_set(journey_stage)]
