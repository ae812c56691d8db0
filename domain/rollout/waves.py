"""Membership of waves: each member has a bucket that never changes, so that a raised share keeps everybody already in."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal

from domain.definition.document import Definition
from domain.definition.rollout import Wave
from domain.members.errors import NotInvited, NotInWave
from domain.rollout.openings import WaveOpening

BUCKETS = 10_000
Refusal = type[NotInWave] | type[NotInvited]
"""Why a person cannot join by any open wave: no wave includes them, or they are not invited yet."""


def bucket(salt: str, participant: str) -> int:
    """The member's bucket, 0 to 9,999: SHA-256(salt, member) mod 10,000; the salt is fixed per program."""
    return int.from_bytes(hashlib.sha256(f"{salt}:{participant}".encode()).digest()) % BUCKETS


def open_buckets(share: Decimal) -> int:
    """The number of buckets, from 0 on, that a wave of `share` percent opens."""
    return int(share * BUCKETS / 100)


def is_open_to(salt: str, participant: str, buckets: int) -> bool:
    return bucket(salt, participant) < buckets


def is_held_out(definition: Definition, salt: str, participant: str) -> bool:
    """Whether a person is in the holdout: by a salt of its own, so that it is independent of the waves.

    A person in the holdout asks to join like everybody else, and is refused once a wave would admit them: from then on they are
    part of the control group.
    """
    held_out = definition.holdout
    return held_out is not None and bucket(f"{salt}/holdout", participant) < open_buckets(held_out.share)


def let_in(
    definition: Definition,
    salt: str,
    participant: str,
    *,
    cohort: str | None,
    invited: bool,
    opened: Sequence[WaveOpening],
) -> WaveOpening | Refusal:
    """The wave by which a person may join: the first open one that includes them, or why none does.

    `cohort` is theirs, `opened` are the open waves in their order: none is ever closed again. If the wave of their cohort
    invites at a rate, it includes them once they are `invited`. The holdout is not checked here but after this
    (`is_held_out`).
    """
    at_a_rate = {wave.id for wave in definition.waves if wave.invitations is not None}
    refusal: Refusal = NotInWave
    for each in opened:
        if each.cohort is not None and each.cohort == cohort:
            if invited or each.wave not in at_a_rate:
                return each
            refusal = NotInvited
        if each.share is not None and is_open_to(salt, participant, open_buckets(each.share)):
            return each
    return refusal


def changed_after_beginning(before: Definition, after: Definition, begun: Collection[str]) -> tuple[str, ...]:
    """The fixed parts of begun waves that a new revision changes: ids of waves that are changed, dropped or moved, and
    `holdout`.
    """
    if not begun:
        return ()
    there, then = _begun(before, begun), _begun(after, begun)
    changed = [wave.id for wave in there if wave not in then]
    if not changed and then != there:
        changed = [wave.id for wave in then]
    # A new wave cannot come before one that has begun.
    places = [place for place, wave in enumerate(after.waves) if wave.id in begun]
    changed += [wave.id for wave in after.waves[: max(places, default=-1) + 1] if wave.id not in begun]
    return (*changed, *(("holdout",) if before.holdout != after.holdout else ()))


def _begun(definition: Definition, begun: Iterable[str]) -> list[Wave]:
    names = set(begun)
    return [wave for wave in definition.waves if wave.id in names]
