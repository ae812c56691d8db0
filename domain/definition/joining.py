"""Joining in a definition: the agreement, the conditions and the fee."""

from domain.definition.values import Amount, Condition, Part, Text


class Agreement(Part):
    """The agreement that a member accepts on joining; the version and the time of acceptance are kept."""

    version: Text
    """The version that a member names on joining."""
    address: Text | None = None
    """The address of its text."""


class Joining(Part):
    """The conditions and the fee for joining. Existing members are not checked again."""

    requires: tuple[Condition, ...] = ()
    """Conditions on the applicant's attributes, which the enrolment request carries; they are compared, and not kept."""
    fee: Amount | None = None
    """The fee, in units of money. The enrolment request names it as accepted, which is kept; its sender collects it."""
    invitation_only: bool = False
    """Whether only participants on the program's list of invitations may join."""
