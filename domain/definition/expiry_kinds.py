"""The meaning of each kind of expiry: the one module that interprets `Expiry.kind`."""

from typing import NamedTuple, assert_never

from domain.definition.earning import Expiry


class ExpiryRule(NamedTuple):
    """The rules of a kind of expiry, whatever the definition's periods."""

    expires: bool
    """Whether points expire at all."""
    lot_by_lot: bool
    """Whether each lot has its own expiry, which only activities within `unless_active_every` move."""
    renewed_by_activity: bool
    """Whether an activity gives all of a member's lots a new expiry, counted from it."""
    counted_from: str
    """The start of the time, in words."""
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
