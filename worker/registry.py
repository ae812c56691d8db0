"""Which workflows and activities each queue's worker hosts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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

    programs: ProgramActivities
    rollout: RolloutActivities
    guardrails: GuardrailActivities
    amendments: AmendmentActivities
    gates: GateActivities
    holds: HoldActivities
    qualification: QualificationActivities
    readiness: ReadinessActivities
    pilots: PilotActivities
    members: MemberActivities
    retention: RetentionActivities
    redemption: RedemptionActivities
    evaluation: EvaluationActivities
    schedules: ScheduleActivities
    expiry: ExpiryActivities
    seal: SealActivities
    wind_down: WindDownActivities
    notices: NoticeActivities

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
            programs=ProgramActivities(engine),
            rollout=RolloutActivities(engine),
            guardrails=GuardrailActivities(engine, ledger),
            amendments=AmendmentActivities(engine),
            gates=GateActivities(engine, keys, notices.routing, people.directory if everybody_is_known else None),
            holds=HoldActivities(engine, ledger),
            qualification=QualificationActivities(engine),
            readiness=ReadinessActivities(engine, ledger, client, notices.routing),
            pilots=PilotActivities(engine, ledger),
            members=MemberActivities(engine, ledger),
            retention=RetentionActivities(engine, ledger),
            redemption=RedemptionActivities(engine, ledger, RewardProviders(engine, http)),
            evaluation=EvaluationActivities(engine, ledger),
            schedules=ScheduleActivities(client, engine),
            expiry=ExpiryActivities(engine, ledger),
            seal=SealActivities(ledger),
            wind_down=WindDownActivities(engine, ledger, client),
            notices=NoticeActivities(engine, channels_of(notices, http), notices.routing),
        )

    def of(self, queue: str) -> Sequence[Callable[..., object]]:
        """The activities of one queue, as the methods that a worker takes."""
        hosted: dict[str, Sequence[Callable[..., object]]] = {
            PROGRAMS_QUEUE: [
                self.programs.register_program,
                self.programs.add_revision,
                self.programs.piloted,
                self.programs.change_stage,
                self.programs.settle_revision,
                self.programs.put_in_force,
                self.programs.open_wave,
                self.amendments.weigh_amendment,
                self.amendments.approve_amendment,
                self.rollout.open_cohort_wave,
                self.rollout.begin_anew,
                self.rollout.keep_rollout,
                self.rollout.count_joined,
                self.rollout.invite_page,
                self.guardrails.keep_failed_look,
                self.gates.open_gate,
                self.gates.take_decision,
                self.gates.pass_time,
                self.gates.withdraw_gate,
                self.holds.standing_holds,
                self.qualification.run_scenarios,
                self.qualification.keep_sign_off,
                self.pilots.begin_pilot,
                self.evaluation.latest_verdict,
                self.schedules.start_schedules,
                self.schedules.stop_schedules,
            ],
            MEMBERS_QUEUE: [
                self.members.establish_member,
                self.members.review_member,
                self.members.close_membership,
                self.retention.deliver_offer,
                self.retention.measure_intervention,
                self.redemption.hold_points,
                self.redemption.fulfil_reward,
                self.redemption.cancel_reward,
                self.redemption.settle_redemption,
            ],
            BULK_QUEUE: [
                self.qualification.run_prototype,
                self.qualification.simulate_definition,
                self.qualification.rehearse_scenarios,
                self.qualification.simulate_phase,
                self.readiness.check_readiness,
                self.pilots.end_pilot,
                self.evaluation.evaluate_program,
                self.amendments.compute_impact,
                self.amendments.announce_amendment,
                self.amendments.recall_amendment,
                self.guardrails.look_at_guardrail,
                self.amendments.nudge_concerned,
                self.holds.keep_points,
                self.holds.lift_hold,
                self.expiry.expire_due,
                self.seal.seal_ledger,
                self.wind_down.weigh_end,
                self.wind_down.tell_partners,
                self.wind_down.announce_end,
                self.wind_down.suspend_expiry,
                self.wind_down.mature_pending,
                self.wind_down.remind,
                self.wind_down.settle_holds,
                self.wind_down.settle_remainder,
                self.wind_down.state_partners,
                self.wind_down.trial_balance,
                self.wind_down.release_liability,
                self.wind_down.end_memberships,
                self.wind_down.settle_personal_data,
                self.wind_down.report_end,
                self.wind_down.erase_personal_data,
            ],
            NOTICES_QUEUE: [self.notices.send_notice, self.notices.settle_notice, self.notices.post_test_notices],
        }
        return hosted[queue]
