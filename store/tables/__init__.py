"""Every table but the ledger's, as SQLAlchemy Core: a module for each subject."""

from store.tables.audit import audit, audit_head
from store.tables.columns import metadata
from store.tables.ending import announcement, books_estimate, books_period, wind_down_step
from store.tables.evidence import (
    evaluation,
    pilot,
    prototype_run,
    readiness_check,
    readiness_signature,
    test_result,
    transaction_log,
    transaction_row,
)
from store.tables.gates import gate, gate_answer, notice
from store.tables.members import (
    benefit_grant,
    cohort,
    cohort_member,
    intervention,
    invitation,
    member,
    survey_answer,
    tier_change,
)
from store.tables.people import api_key, delegation, person
from store.tables.programs import amendment_impact, amendment_impact_member, program, program_hold, revision, stage_change
from store.tables.requests import request
from store.tables.rewards import redemption, voucher_code
from store.tables.rollout import guardrail_look, held_out, outside_event, rollout, wave_opening

__all__ = [
    "amendment_impact",
    "amendment_impact_member",
    "announcement",
    "api_key",
    "audit",
    "audit_head",
    "benefit_grant",
    "books_estimate",
    "books_period",
    "cohort",
    "cohort_member",
    "delegation",
    "evaluation",
    "gate",
    "gate_answer",
    "guardrail_look",
    "held_out",
    "intervention",
    "invitation",
    "member",
    "metadata",
    "notice",
    "outside_event",
    "person",
    "pilot",
    "program",
    "program_hold",
    "prototype_run",
    "readiness_check",
    "readiness_signature",
    "redemption",
    "request",
    "revision",
    "rollout",
    "stage_change",
    "survey_answer",
    "test_result",
    "tier_change",
    "transaction_log",
    "transaction_row",
    "voucher_code",
    "wave_opening",
    "wind_down_step",
]
