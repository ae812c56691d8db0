"""A revision that has come into force: the members whom it concerns are looked at again."""

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from domain import amendments, ids
from domain.model import Message
from ledger import outbox
from store import members, programs

_PAGE = 1000


class Amended(Message):
    """A revision of a program has taken the place of the one before."""

    program: str
    before: int
    after: int


class Nudged(Message):
    members: int


class AmendmentActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def nudge_concerned(self, amended: Amended) -> Nudged:
        """Have every member nudged whose tier, or a tier above it, asks for something else now; a page at a time.

        A repetition nudges again whom it has nudged, which makes them looked at once more and changes nothing.
        """
        async with self._engine.connect() as connection:
            before = await programs.definition(connection, amended.program, amended.before)
            after = await programs.definition(connection, amended.program, amended.after)
        untouched = amendments.untouched(before, after)
        nudged, last = 0, ""
        while True:
            async with self._engine.begin() as connection:
                page = await members.active_outside(connection, amended.program, untouched, last, _PAGE)
                await outbox.put(connection, [ids.member(amended.program, participant) for participant in page])
            if not page:
                return Nudged(members=nudged)
            nudged, last = nudged + len(page), page[-1]
            activity.heartbeat(nudged)
