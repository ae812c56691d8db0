"""No personal data in Temporal where it could be found or listed: ids, memos, search attributes and summaries."""

from datetime import timedelta
from typing import Any

from temporalio.testing import WorkflowEnvironment

from domain import ids
from tests.program_steps import buy, enrol, forward_until, launch, now_of, sample_definition
from tests.stack import Stack, people_entries, program_id
from tests.waiting import timer_started


def _texts(described: Any) -> list[str]:
    info = described.raw_description.workflow_execution_info
    config = described.raw_description.execution_config
    payloads = [*info.memo.fields.values(), *info.search_attributes.indexed_fields.values(), config.user_metadata.summary]
    return [described.id, *(payload.data.decode() for payload in payloads)]


async def test_ids_memos_search_attributes_and_summaries_carry_references_alone(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("private")
    definition = sample_definition(program)
    await launch(stack, definition)
    member = await enrol(stack, program, "00042")
    await buy(stack, definition, "00042", 10, await now_of(temporal_env, member))
    await forward_until(temporal_env, member, await now_of(temporal_env, member) + timedelta(days=90))
    await timer_started(stack.temporal, ids.intervention(program, "00042", 1))

    first = ids.qualification(program, 1)
    workflows = [
        ids.lifecycle(program),
        first,
        f"{first}/gate/launch/1",
        f"{first}/test/readiness",
        ids.rollout(program, 1),
        member.id,
        ids.intervention(program, "00042", 1),
    ]
    names = {entry["name"] for entry in people_entries()}
    for workflow_id in workflows:
        described = await stack.temporal.get_workflow_handle(workflow_id).describe()
        texts = _texts(described)
        assert not [text for text in texts for name in names if name in text]
        assert not described.raw_description.workflow_execution_info.memo.fields
        assert await described.static_summary(), "each start says in words what it is"
    assert await _owner(stack, program) == "demo-owner"


async def _owner(stack: Stack, program: str) -> Any:
    attributes = (await stack.temporal.get_workflow_handle(ids.lifecycle(program)).describe()).typed_search_attributes
    return next(pair.value for pair in attributes if pair.key.name == "Owner")
