"""Every activity is hosted once, on the queue to which its workflow sends it, and no name of a message is spelled twice."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast
from unittest.mock import Mock

import pytest
from temporalio import workflow

import activities as package
from activities.queues import ActivityGroup, bulk, queue_of
from domain import message_names
from domain.ids import BULK_QUEUE, MEMBERS_QUEUE
from runtime.notices_file import logged_alone
from tests.paths import ROOT
from worker.registry import WORKFLOWS, Activities

_CALLS = {"do", "do_here", "do_with_limits", "try_in_bulk"}


class Call(NamedTuple):
    """A place where a workflow calls an activity: in which module, by which function of `workflows.steps`."""

    module: str
    by: str
    group: str
    activity: str


def _hosted() -> dict[str, list[str]]:
    """The names of the activities that each queue's worker hosts, as it registers them."""
    anything = cast(Any, Mock())
    activities = Activities.over(anything, anything, anything, logged_alone(), anything, everybody_is_known=False)
    return {queue: [_name(activity) for activity in activities.of(queue)] for queue in WORKFLOWS}


def _name(activity: Any) -> str:
    """The name under which Temporal knows an activity."""
    return str(activity.__func__.__temporal_activity_definition.name)


def _declared() -> dict[str, str]:
    """Every function below `activities/` that is an activity, by its name; and the class in which it stands."""
    return {
        function.name: group.name
        for file in sorted(Path(package.__path__[0]).rglob("*.py"))
        for group in ast.walk(ast.parse(file.read_text()))
        if isinstance(group, ast.ClassDef)
        for function in group.body
        if isinstance(function, ast.AsyncFunctionDef)
        and any("activity.defn" in ast.unparse(decorator) for decorator in function.decorator_list)
    }


def _calls() -> Iterator[Call]:
    for file in sorted((ROOT / "workflows").rglob("*.py")):
        if file == ROOT / "workflows" / "steps.py":
            continue
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
                activity = node.args[0]
                assert isinstance(activity, ast.Attribute), f"{module}:{node.lineno} does not name the activity itself"
                yield Call(module, node.func.id, ast.unparse(activity.value), activity.attr)


def test_every_activity_is_hosted_once_on_the_queue_that_it_declares() -> None:
    hosted = _hosted()
    groups = {group.__name__: group for group in ActivityGroup.__subclasses__()}
    names = [name for queue in hosted.values() for name in queue]
    assert len(names) == len(set(names)) > 50
    assert set(names) == set(_declared())
    for name, group in _declared().items():
        assert name in hosted[queue_of(getattr(groups[group], name))]


def test_every_activity_is_called_on_the_queue_where_it_is_hosted() -> None:
    hosted, workflows = _hosted(), {kind.__module__: queue for queue, kinds in WORKFLOWS.items() for kind in kinds}
    calls = list(_calls())
    assert {call.activity for call in calls} == set(_declared())
    for call in calls:
        if call.by == "do_here":
            # A local activity runs in the workflow's own worker.
            assert call.activity in hosted[workflows[call.module]]
        if call.by == "try_in_bulk":
            assert call.activity in hosted[BULK_QUEUE]


def test_no_workflow_calls_an_activity_past_its_declared_queue() -> None:
    """`workflows.steps` alone names a queue of an activity, and takes it from the activity's class."""
    callers = {
        file.relative_to(ROOT / "workflows").as_posix()
        for file in (ROOT / "workflows").rglob("*.py")
        if any(word in file.read_text() for word in ("execute_activity", "execute_local_activity", "start_activity"))
    }
    assert callers == {"steps.py"}


def test_a_class_names_the_queue_of_its_activities_and_marks_those_that_are_bulk_work() -> None:
    class Group(ActivityGroup):
        QUEUE = MEMBERS_QUEUE

        async def short(self) -> None: ...

        @bulk
        async def long(self) -> None: ...

        async def _part(self) -> None: ...

    group = Group()
    assert (queue_of(Group.short), queue_of(Group.long)) == (MEMBERS_QUEUE, BULK_QUEUE)
    assert (group.hosted_on(MEMBERS_QUEUE), group.hosted_on(BULK_QUEUE)) == ([group.short], [group.long])
    with pytest.raises(TypeError, match="no activity"):
        queue_of(Group._part)


def test_names_of_messages_stand_in_one_module() -> None:
    """A sender by name and its handler take the name from `domain.message_names`."""
    names = {value for name, value in vars(message_names).items() if name.isupper()}
    definitions = [workflow._Definition.must_from_class(kind) for kinds in WORKFLOWS.values() for kind in kinds]
    handled = {name for each in definitions for name in (*each.signals, *each.updates)}
    assert names <= handled
    for layer in ("activities", "api", "ledger", "services", "store", "worker", "workflows"):
        for file in (ROOT / layer).rglob("*.py"):
            if "migrations" in file.parts:
                continue
            for node in ast.walk(ast.parse(file.read_text())):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
                    continue
                if node.func.attr in {"signal", "execute_update", "start_update"}:
                    assert not isinstance(node.args[0], ast.Constant), f"{file}:{node.lineno} spells a name itself"
