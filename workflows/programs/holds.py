"""How a program's lifecycle handles holds: it reads the active ones, suspends expiry, and lifts them.

The store, not the workflow, has the truth about active holds (`store/programs/holds.py` says why); the workflow shows them,
and its child workflows obey them.
"""

from temporalio.exceptions import ActivityError, ApplicationError

from activities.programs.holds import HoldActivities
from domain.programs.holds import Lifted, Lifting, ProgramHold
from workflows.steps import do


async def active(program: str) -> tuple[ProgramHold, ...]:
    """The active holds. While one stops redeeming, no points expire."""
    found = await do(HoldActivities.standing_holds, program, "What is on hold?")
    if any("redeeming" in hold.stops for hold in found.holds):
        await do(HoldActivities.keep_points, program, "No point expires while nothing can be redeemed")
    return found.holds


async def lift(lifting: Lifting) -> Lifted:
    """End the hold that is lifted next.

    Raises `ApplicationError` with the reason why it cannot be lifted.
    """
    try:
        return await do(HoldActivities.lift_hold, lifting, f"Lift the hold, as {lifting.by} wishes")
    except ActivityError as error:
        if isinstance(error.cause, ApplicationError):
            raise error.cause from error
        raise
