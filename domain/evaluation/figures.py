"""The counts of an evaluation in one window: members, points, and the spread of points over members."""

from domain.model import Value
from domain.statistics import Arm


class Spread(Value):
    """The spread of the window's points over its members, as sums over each member's own, from which intervals are computed.

    `members` are those with any points in the window; `changed` is the change of a member's balance.
    """

    members: int
    issued_squares: float
    burned_squares: float
    changed_squares: float
    issued_times_burned: float
    burned_times_changed: float


class Experiment(Value):
    """Purchases of members in the window, in units of money, and those of the holdout, who would have joined.

    Both arms count everybody who had joined, or would have, by the end of the window, with or without a purchase in it.
    """

    treated: Arm
    control: Arm


class Answers(Value):
    """Each member's last survey answers in the window: how likely they would recommend the program (0 to 10), and how
    satisfied they are (1 to 5; from 4 on satisfied).
    """

    asked_to_recommend: int
    promoters: int
    """Answers of 9 and 10."""
    detractors: int
    """Answers of 0 to 6."""
    asked_if_satisfied: int
    satisfied: int


class Figures(Value):
    """The counts of one window (since, until]: members, and points of the program's main currency.

    `lost` were members at its start and are not at its end; `left` also counts those who joined in it. `changed` is the change
    of the outstanding points. A figure that is not kept is None.
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
        """The number of people who were members at some time of the window."""
        return self.members_at_start + self.joined
