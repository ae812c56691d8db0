"""What an evaluation counts: members, points, and how the points lie over the members, in one window."""

from domain.model import Value
from domain.statistics import Arm


class Spread(Value):
    """How the points of the window lie over its members, as sums over each member's own: what intervals are computed from.

    `members` had any; `changed` is what a member's balance changed by.
    """

    members: int
    issued_squares: float
    burned_squares: float
    changed_squares: float
    issued_times_burned: float
    burned_times_changed: float


class Experiment(Value):
    """What members bought in the window, in units of money, against those who would have joined and are held out.

    Both arms count alike: everybody who had joined, or would have, by its end, whether or not they bought anything in it.
    """

    treated: Arm
    control: Arm


class Answers(Value):
    """What members answered in the window, each with their last word: how likely they would recommend the program (0 to 10),
    and how content they are (1 to 5; from 4 on satisfied).
    """

    asked_to_recommend: int
    promoters: int
    """9 and 10."""
    detractors: int
    """0 to 6."""
    asked_if_satisfied: int
    satisfied: int


class Figures(Value):
    """What happened in one window (since, until]: members, and points of the program's main currency.

    `lost` are those who were members at its start and are not any more; `left` counts those too who joined in it. `changed` is
    what the outstanding points changed by. What nobody keeps is None.
    """

    members_at_start: int
    joined: int
    left: int
    lost: int = 0
    members_at_end: int
    active_members: int
    members_redeemed: int
    issued: int
    burned: int
    expired: int
    forfeited: int
    outstanding: int
    changed: int = 0
    spread: Spread | None = None
    experiment: Experiment | None = None
    answers: Answers | None = None

    @property
    def members(self) -> int:
        """Everybody who was a member at some time of the window."""
        return self.members_at_start + self.joined
