"""The workflows and activities that each queue's worker hosts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from activities.acceptance.pilots import PilotActivities
from activities.acceptance.prototypes import QualificationActivities
from activities.acceptance.readiness import ReadinessActivities
from activities.evaluation.evaluation import EvaluationActivities
from activities.evaluation.schedules import ScheduleActivities
from activities.gates.gates import GateActivities
from activities.ledger.seal import SealActivities
from activities.members.members import MemberActivities
from activities.notices.channels import channels_of
from activities.notices.delivery import NoticeActivities
from activities.points.expiry import ExpiryActivities
from activities.programs.amendments import AmendmentActivities
from activities.programs.holds import HoldActivities
from activities.programs.programs import ProgramActivities
from activities.programs.wind_down import WindDownActivities
from activities.queues import ActivityGroup
from activities.retention.interventions import RetentionActivities
from activities.rewards.providers import RewardProviders
from activities.rewards.redemption import RedemptionActivities
from activities.rollout.rollout import GuardrailActivities, RolloutActivities
from domain.ids import BULK_QUEUE, MEMBERS_QUEUE, NOTICES_QUEUE, PROGRAMS_QUEUE
from ledger import Ledger
from runtime.identity.signatures import VerificationKeys
from runtime.notices_file import Notices
from store.identity import people
from workflows.acceptance.launch_readiness import LaunchReadiness
from workflows.acceptance.prototype_run import PrototypeRun
from workflows.acceptance.revision_qualification import RevisionQualification
from workflows.acceptance.test_phase import TestPhase
from workflows.evaluation.program_evaluation import ProgramEvaluation
from workflows.gates.approval_gate import ApprovalGate
from workflows.ledger.ledger_seal import LedgerSeal
from workflows.members.member_lifecycle import MemberLifecycle
from workflows.notices.notice_delivery import NoticeDelivery
from workflows.notices.notice_test import NoticeTest
from workflows.points.expiry_sweep import ExpirySweep
from workflows.programs.lifecycle import ProgramLifecycle
from workflows.programs.personal_data_erasure import PersonalDataErasure
from workflows.programs.wind_down import WindDown
from workflows.retention.retention_intervention import RetentionIntervention
from workflows.rewards.redemption import Redemption
from workflows.rollout.guardrail_watch import GuardrailWatch
from workflows.rollout.rollout import Rollout
from workflows.rollout.wave_invitation import WaveInvitation

WORKFLOWS: dict[str, list[type]] = {
    PROGRAMS_QUEUE: [
        ProgramLifecycle,
        RevisionQualification,
        ApprovalGate,
        TestPhase,
        LaunchReadiness,
        Rollout,
        GuardrailWatch,
        WaveInvitation,
        ProgramEvaluation,
        WindDown,
        PersonalDataErasure,
    ],
    MEMBERS_QUEUE: [MemberLifecycle, RetentionIntervention, Redemption],
    BULK_QUEUE: [ExpirySweep, LedgerSeal, PrototypeRun],
    NOTICES_QUEUE: [NoticeDelivery, NoticeTest],
}


@dataclass(frozen=True)
class Activities:
    """Every activity, ready to be hosted."""

    groups: Sequence[ActivityGroup]

    @classmethod
    def over(
        cls,
        engine: AsyncEngine,
        client: Client,
        http: AsyncClient,
        notices: Notices,
        keys: VerificationKeys,
        *,
        everybody_is_known: bool,
    ) -> "Activities":
        ledger = Ledger(engine)
        return cls(
            [
                ProgramActivities(engine),
                RolloutActivities(engine),
                GuardrailActivities(engine, ledger),
                AmendmentActivities(engine),
                GateActivities(engine, keys, notices.routing, people.directory if everybody_is_known else None),
                HoldActivities(engine, ledger),
                QualificationActivities(engine),
                ReadinessActivities(engine, ledger, client, notices.routing),
                PilotActivities(engine, ledger),
                MemberActivities(engine, ledger),
                RetentionActivities(engine, ledger),
                RedemptionActivities(engine, ledger, RewardProviders(engine, http)),
                EvaluationActivities(engine, ledger),
                ScheduleActivities(client, engine),
                ExpiryActivities(engine, ledger),
                SealActivities(ledger),
                WindDownActivities(engine, ledger, client),
                NoticeActivities(engine, channels_of(notices, http), notices.routing),
            ]
        )

    def of(self, queue: str) -> Sequence[Callable[..., Any]]:
        """Return the activities of one queue, as the methods that a worker takes; their classes name their queues."""
        return [activity for group in self.groups for activity in group.hosted_on(queue)]
