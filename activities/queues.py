"""On which queue an activity is hosted: its class names one for all its activities, and marks those that are bulk work."""

from collections.abc import Callable, Iterator
from inspect import iscoroutinefunction
from typing import Any, ClassVar, TypeVar

from domain.ids import BULK_QUEUE

Activity = TypeVar("Activity", bound=Callable[..., Any])

_ATTRIBUTE = "__tenure_queue__"


def bulk(activity: Activity) -> Activity:
    """Mark an activity as work on many rows or members: it is hosted on the bulk queue, whatever its class's queue is."""
    setattr(activity, _ATTRIBUTE, BULK_QUEUE)
    return activity


class ActivityGroup:
    """Activities of one subject that share what they work on: each public coroutine of a subclass is one.

    A worker hosts each on the queue that is declared here, and `workflows.steps` sends it to the same, so that a caller cannot
    choose another.
    """

    QUEUE: ClassVar[str]
    """Where the activities are hosted that are not marked as bulk work."""

    def __init_subclass__(cls) -> None:
        for name in cls.activity_names():
            activity = vars(cls)[name]
            setattr(activity, _ATTRIBUTE, getattr(activity, _ATTRIBUTE, cls.QUEUE))

    @classmethod
    def activity_names(cls) -> Iterator[str]:
        """The names of the group's activities, in the order in which they stand in the class."""
        return (name for name, each in vars(cls).items() if iscoroutinefunction(each) and not name.startswith("_"))

    def hosted_on(self, queue: str) -> list[Callable[..., Any]]:
        """The group's activities of one queue, as the methods that a worker takes."""
        return [getattr(self, name) for name in self.activity_names() if queue_of(getattr(self, name)) == queue]


def queue_of(activity: Callable[..., Any]) -> str:
    """The queue on which an activity of a group is hosted.

    Raises TypeError for what is no activity of a group.
    """
    queue = getattr(activity, _ATTRIBUTE, None)
    if not isinstance(queue, str):
        raise TypeError(f"{activity!r} is no activity of an ActivityGroup.")
    return queue
