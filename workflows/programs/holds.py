"""What a program's lifecycle does about holds: it reads what stands, keeps members' points, and lets the program go on.

What stands is the store's truth, not the workflow's (`store/programs/holds.py` says why); the workflow shows it, and its parts
obey.
"""

from temporalio.exceptions import ActivityError, ApplicationError

from activities.programs.holds import HoldActivities
from domain.programs.holds import Hold, Lifted, Lifting
from workflows.steps import do, do_in_bulk


async def standing(program: str) -> tuple[Hold, ...]:
    """What is stopped now. Where nothing can be redeemed, no point lapses from now on."""
    found = await do(HoldActivities.standing_holds, program, "What is on hold?")
    if any("redeeming" in hold.stops for hold in found.holds):
        await do_in_bulk(HoldActivities.keep_points, program, "No point lapses while nothing can be redeemed")
    return found.holds


async def lift(wish: Lifting) -> Lifted:
    """End what is lifted next. Raises the reason why it cannot be."""
    try:
        return await do_in_bulk(HoldActivities.lift_hold, wish, f"Lift the hold, as {wish.by} wishes")
    except ActivityError as error:
        if isinstance(error.cause, ApplicationError):
            raise error.cause from error
        raise
