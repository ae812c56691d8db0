"""Delegations: the roles that each one lends, when it holds, and which ones are refused."""

from collections.abc import Sequence
from datetime import datetime

from domain.gates.errors import (
    DelegationCircle,
    DelegationEndsBeforeItBegins,
    DelegationOfForeignRole,
    DelegationOfNothing,
    DelegationOver,
    DelegationToOneself,
    NoDelegation,
)
from domain.gates.state import Decision, Refusal
from domain.identity.roles import Role
from domain.model import Message


class Delegation(Message):
    """`giver` lends `delegate` their vote in these roles, for a span of time, at the gates of one program or of all.

    A lent role cannot be lent again: everybody lends only roles of their own.
    """

    id: str
    giver: str
    taker: str
    roles: tuple[Role, ...]
    program: str | None = None
    since: datetime
    until: datetime
    ended_at: datetime | None = None

    @property
    def end(self) -> datetime:
        """When it ends, or when it was ended early."""
        return min(self.until, self.ended_at) if self.ended_at else self.until

    def holds(self, program: str, at: datetime) -> bool:
        """Whether it holds at the gates of this program at this instant."""
        return self.program in (None, program) and self.since <= at < self.end


def refuse(proposed: Delegation, own: Sequence[Role], others: Sequence[Delegation], now: datetime) -> Refusal | None:
    """The reason why this delegation cannot be given, or None if it can; `own` are the delegator's roles.

    `others` are all delegations, by anybody, that may hold at the same time.
    """
    if proposed.giver == proposed.taker:
        return Refusal.of(DelegationToOneself(f"{proposed.giver} cannot decide for themselves by delegation."))
    if proposed.until <= proposed.since:
        return Refusal.of(
            DelegationEndsBeforeItBegins(
                f"It would begin at {proposed.since:%Y-%m-%d %H:%M:%S} UTC and end at {proposed.until:%Y-%m-%d %H:%M:%S} UTC."
            )
        )
    if proposed.until <= now:
        return Refusal.of(DelegationOver(f"It would have ended at {proposed.until:%Y-%m-%d %H:%M:%S} UTC already."))
    if not proposed.roles:
        return Refusal.of(DelegationOfNothing(f"{proposed.giver} has no role that could be lent."))
    if foreign := [role for role in proposed.roles if role not in own]:
        return Refusal.of(
            DelegationOfForeignRole(
                f"{proposed.giver} does not have the role {foreign[0]} in person; what is lent cannot be passed on.",
                f"Lend roles of your own: {', '.join(own)}." if own else "You have no role to lend.",
            )
        )
    if circle := _circle(proposed, others):
        return Refusal.of(DelegationCircle(f"It would close a circle: {' for '.join(circle)}."))
    return None


def refuse_to_act(delegation: Delegation | None, decision: Decision, program: str, now: datetime) -> Refusal | None:
    """The reason why this delegation does not cover a decision on behalf of another, or None if it does."""
    mandate, delegate = decision.on_behalf_of, decision.person.id
    if mandate is None:
        return None
    if delegation is None or (delegation.giver, delegation.taker) != (mandate.giver, delegate):
        detail = f"{mandate.giver} has not delegated to {delegate}."
    elif not delegation.holds(program, now):
        detail = f"The delegation of {mandate.giver} to {delegate} does not hold in {program} at {now:%Y-%m-%d %H:%M:%S} UTC."
    elif foreign := [role for role in mandate.roles if role not in delegation.roles]:
        detail = f"The delegation of {mandate.giver} to {delegate} does not lend the role {foreign[0]}."
    else:
        return None
    return Refusal.of(NoDelegation(detail, f"Decide for yourself, or ask {mandate.giver} for one."))


def _circle(proposed: Delegation, others: Sequence[Delegation]) -> list[str]:
    """The people of a circle that the delegation would close, from its delegate on; empty if it closes none.

    It is a circle only if all its parts hold at one instant, at the gates of one program.
    """

    def followed(by: str, since: datetime, until: datetime, program: str | None, seen: tuple[str, ...]) -> list[str]:
        if by == proposed.giver:
            return [*seen, by]
        for other in others:
            begin, end = max(since, other.since), min(until, other.end)
            same = program is None or other.program is None or program == other.program
            if other.giver == by and other.taker not in seen and same and begin < end:
                found = followed(other.taker, begin, end, program or other.program, (*seen, by))
                if found:
                    return found
        return []

    return followed(proposed.taker, proposed.since, proposed.end, proposed.program, ())
