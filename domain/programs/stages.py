"""The stages of a program, and the product status (TM Forum) of each."""

from typing import Literal

Stage = Literal[
    "requirements",
    "strategy",
    "development",
    "prototype",
    "acceptance_test",
    "rollout",
    "operation",
    "wind_down",
    "closed",
    "rejected",
]
ProductStatus = Literal["In study", "In design", "In test", "Active", "Launched", "Retired", "Obsolete", "Rejected"]

_STATUS: dict[Stage, ProductStatus] = {
    "requirements": "In study",
    "strategy": "In study",
    "development": "In design",
    "prototype": "In design",
    "acceptance_test": "In test",
    "rollout": "Launched",
    "operation": "Launched",
    "wind_down": "Retired",
    "closed": "Obsolete",
    "rejected": "Rejected",
}
ENDED: frozenset[Stage] = frozenset({"closed", "rejected"})
BEFORE_LAUNCH: frozenset[Stage] = frozenset({"requirements", "strategy", "development", "prototype", "acceptance_test"})


def product_status(stage: Stage) -> ProductStatus:
    """The TM Forum product status of a program in this stage."""
    return _STATUS[stage]


RevisionStatus = Literal[
    "submitted", "approved", "in_force", "superseded", "changes_requested", "rejected", "failed", "withdrawn"
]
"""`approved`: an amendment that waits for its effective date."""
MemberStatus = Literal["active", "left", "ended"]
"""`left`: at the member's own request; `ended`: with the program."""
JourneyStage = Literal["onboarding", "using", "lapsing", "gone"]
