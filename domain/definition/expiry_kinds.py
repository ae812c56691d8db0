"""What each kind of expiry means: the one module that interprets `Expiry.kind`."""

from typing import NamedTuple, assert_never

from domain.definition.earning import Expiry


class ExpiryRule(NamedTuple):
    """What a kind of expiry says of points, whichever periods the definition gives it."""

    lapses: bool
    """Whether points lapse at all."""
    lot_by_lot: bool
    """Whether each lot has an end of its own, which only its own time and a standing clock move."""
    renewed_by_activity: bool
    """Whether an activity gives all of a member's lots a new end, counted from it."""
    counted_from: str
    """What the time is counted from, in words."""
    short_name: str


_NEVER = ExpiryRule(False, False, False, "", "never")
_AFTER_EARNING = ExpiryRule(True, True, False, "they were earned", "after earning")
_INACTIVITY = ExpiryRule(True, False, True, "the member's last activity", "inactivity")


def expiry_rule(expiry: Expiry) -> ExpiryRule:
    """The meaning of a definition's kind of expiry."""
    match expiry.kind:
        case "never":
            return _NEVER
        case "after_earning":
            return _AFTER_EARNING
        case "inactivity":
            return _INACTIVITY
        case _:
            assert_never(expiry.kind)
