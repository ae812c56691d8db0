"""Who is in a wave: each member has a bucket that never changes, so that a raised share keeps everybody already in."""

import hashlib
from decimal import Decimal

BUCKETS = 10_000


def bucket(salt: str, participant: str) -> int:
    """The member's bucket, 0 to 9,999: SHA-256(salt, member) mod 10,000; the salt is fixed per program."""
    return int.from_bytes(hashlib.sha256(f"{salt}:{participant}".encode()).digest()) % BUCKETS


def open_buckets(share: Decimal) -> int:
    """How many buckets, from 0 on, a wave of `share` percent opens."""
    return int(share * BUCKETS / 100)


def is_open_to(salt: str, participant: str, buckets: int) -> bool:
    return bucket(salt, participant) < buckets
