"""Every table but the ledger's, as SQLAlchemy Core: programs, revisions, gates, members, evidence, requests, audit trail."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(schema="store")


def _instant(name: str, *, nullable: bool = False) -> Column:  # type: ignore[type-arg]
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _recorded_at() -> Column:  # type: ignore[type-arg]
    """The database's clock: when the row was written, apart from the business time beside it."""
    return Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())


def _program() -> Column:  # type: ignore[type-arg]
    return Column("program", Text, ForeignKey("store.program.id"), nullable=False)


person = Table(
    "person",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("roles", JSONB, nullable=False, server_default=text("'{}'")),
    _instant("seen_at", nullable=True),
)
"""The directory: everybody who may decide, by what the API was last told of them."""

program = Table(
    "program",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("stage", Text, nullable=False),
    _instant("stage_since"),
    Column("note", Text, nullable=False, server_default=""),
    Column("salt", Text, nullable=False),
    Column("open_buckets", Integer, nullable=False, server_default="0"),
    Column("wave", Text),
    Column("revision_in_force", Integer),
    _instant("launched_at", nullable=True),
    _instant("enrolment_until", nullable=True),
    _instant("earning_until", nullable=True),
    _instant("redeeming_until", nullable=True),
    _instant("late_until", nullable=True),
    _instant("data_until", nullable=True),
    _instant("data_erased_at", nullable=True),
    _instant("rollout_paused_at", nullable=True),
    Column("stops", JSONB, nullable=False, server_default="[]"),
    _instant("started_at"),
    _instant("closed_at", nullable=True),
    _recorded_at(),
)

stage_change = Table(
    "stage_change",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _program(),
    Column("stage", Text, nullable=False),
    _instant("at"),
    Column("note", Text, nullable=False),
    _recorded_at(),
    UniqueConstraint("program", "stage", "at", name="stage_change_once"),
)

revision = Table(
    "revision",
    metadata,
    _program(),
    Column("number", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("document", JSONB, nullable=False),
    Column("submitted_by", Text, nullable=False),
    _instant("submitted_at"),
    Column("status", Text, nullable=False),
    _instant("effective_from", nullable=True),
    Column("weight", Text),
    _instant("wanted_from", nullable=True),
    Column("restores", Integer),
    _instant("piloted_from", nullable=True),
    _instant("piloted_until", nullable=True),
    _recorded_at(),
    PrimaryKeyConstraint("program", "number", name="revision_pkey"),
)
"""`effective_from` is written as soon as it is certain, before its time where the revision waits for it (`approved`)."""

gate = Table(
    "gate",
    metadata,
    Column("id", Text, primary_key=True),
    _program(),
    Column("gate", Text, nullable=False),
    _instant("opened_at"),
    _instant("due"),
    Column("outcome", Text),
    _instant("decided_at", nullable=True),
    Column("state", JSONB, nullable=False),
    _recorded_at(),
    Index("gate_open", "program", postgresql_where="outcome IS NULL"),
)

member = Table(
    "member",
    metadata,
    _program(),
    Column("participant", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("tier", Text, nullable=False),
    _instant("tier_since"),
    _instant("tier_until", nullable=True),
    _instant("joined_at"),
    Column("agreement", Text, nullable=False),
    Column("journey_stage", Text, nullable=False),
    Column("open_intervention", Text),
    _instant("left_at", nullable=True),
    Column("fee", Numeric),
    Column("judged_by", Integer),
    Column("wave", Text),
    _recorded_at(),
    PrimaryKeyConstraint("program", "participant", name="member_pkey"),
    Index("member_by_status", "program", "status", "participant"),
    Index("member_by_wave", "program", "wave", "joined_at"),
)

tier_change = Table(
    "tier_change",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("program", Text, nullable=False),
    Column("participant", Text, nullable=False),
    Column("change", Text, nullable=False),
    Column("from_tier", Text),
    Column("to_tier", Text, nullable=False),
    _instant("at"),
    _recorded_at(),
    ForeignKeyConstraint(
        ["program", "participant"],
        ["store.member.program", "store.member.participant"],
        name="tier_change_member",
        onupdate="CASCADE",
    ),
    Index("tier_change_by_member", "program", "participant", "at"),
)

intervention = Table(
    "intervention",
    metadata,
    Column("id", Text, primary_key=True),
    Column("program", Text, nullable=False),
    Column("participant", Text, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    _instant("delivered_at"),
    _instant("due"),
    Column("outcome", Text),
    _instant("closed_at", nullable=True),
    _recorded_at(),
    ForeignKeyConstraint(
        ["program", "participant"],
        ["store.member.program", "store.member.participant"],
        name="intervention_member",
        onupdate="CASCADE",
    ),
)

wave_opening = Table(
    "wave_opening",
    metadata,
    _program(),
    Column("revision", Integer, nullable=False),
    Column("wave", Text, nullable=False),
    Column("share", Numeric),
    Column("cohort", Text),
    _instant("at"),
    _recorded_at(),
    PrimaryKeyConstraint("program", "revision", "wave", name="wave_opening_pkey"),
    CheckConstraint("num_nonnulls(share, cohort) = 1", name="wave_opening_audience"),
)

rollout = Table(
    "rollout",
    metadata,
    _program(),
    Column("revision", Integer, nullable=False),
    Column("state", JSONB, nullable=False),
    _instant("at"),
    _recorded_at(),
    PrimaryKeyConstraint("program", "revision", name="rollout_pkey"),
)
"""Rollouts in which somebody or something has interfered: who has paused or stopped it, what holds it, and why."""

guardrail_look = Table(
    "guardrail_look",
    metadata,
    _program(),
    Column("revision", Integer, nullable=False),
    Column("wave", Text, nullable=False),
    Column("guardrail", Text, nullable=False),
    Column("number", Integer, nullable=False),
    _instant("at"),
    Column("status", Text, nullable=False),
    Column("value", Numeric),
    Column("interval", JSONB(none_as_null=True)),
    Column("n", Integer),
    Column("told", Text, nullable=False),
    _recorded_at(),
    PrimaryKeyConstraint("program", "revision", "wave", "guardrail", "number", name="guardrail_look_pkey"),
    CheckConstraint("status IN ('ok', 'failing', 'no_data', 'source_failed')", name="guardrail_look_status"),
)
"""Every look at a guardrail, as evidence: what it found, and how; append-only by privilege."""

prototype_run = Table(
    "prototype_run",
    metadata,
    _program(),
    Column("revision", Integer, nullable=False),
    Column("log", Text, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("result", JSONB, nullable=False),
    _instant("at"),
    _recorded_at(),
    PrimaryKeyConstraint("program", "revision", name="prototype_run_pkey"),
)

test_result = Table(
    "test_result",
    metadata,
    _program(),
    Column("revision", Integer, nullable=False),
    Column("phase", Text, nullable=False),
    Column("attempt", Integer, nullable=False, server_default="1"),
    Column("kind", Text, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("evidence", JSONB, nullable=False),
    _instant("at"),
    _recorded_at(),
    PrimaryKeyConstraint("program", "revision", "phase", "attempt", name="test_result_pkey"),
)

pilot = Table(
    "pilot",
    metadata,
    _program(),
    Column("revision", Integer, nullable=False),
    Column("phase", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("cohort", Text, nullable=False),
    _instant("opened_at"),
    _instant("due"),
    _instant("closed_at", nullable=True),
    _recorded_at(),
    PrimaryKeyConstraint("program", "revision", "phase", "attempt", name="pilot_pkey"),
    ForeignKeyConstraint(["program", "cohort"], ["store.cohort.program", "store.cohort.name"], name="pilot_cohort"),
)
"""When enrolment was open to which cohort before the launch, for which attempt at a revision's pilot."""

readiness_check = Table(
    "readiness_check",
    metadata,
    _program(),
    Column("revision", Integer, nullable=False),
    _instant("at"),
    Column("ready", Boolean, nullable=False),
    Column("results", JSONB, nullable=False),
    _recorded_at(),
    PrimaryKeyConstraint("program", "revision", "at", name="readiness_check_pkey"),
)
"""What every look at a revision's readiness for its launch has found; append-only by privilege."""

readiness_signature = Table(
    "readiness_signature",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _program(),
    Column("revision", Integer, nullable=False),
    Column("item", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("note", Text, nullable=False),
    _instant("at"),
    Column("taken_back_by", Text),
    _instant("taken_back_at", nullable=True),
    _recorded_at(),
    CheckConstraint("(taken_back_by IS NULL) = (taken_back_at IS NULL)", name="readiness_signature_taken_back"),
    Index("readiness_signature_once", "program", "revision", "item", unique=True, postgresql_where="taken_back_at IS NULL"),
)
"""Who has signed which item of a revision's readiness; one that was taken back stays, and counts no more."""

evaluation = Table(
    "evaluation",
    metadata,
    Column("id", Text, primary_key=True),
    _program(),
    Column("consequence", Text, nullable=False),
    Column("verdict", JSONB, nullable=False),
    _instant("at"),
    _recorded_at(),
    Index("evaluation_by_program", "program", "at"),
)

transaction_log = Table(
    "transaction_log",
    metadata,
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    _recorded_at(),
)

transaction_row = Table(
    "transaction_row",
    metadata,
    Column("log", Text, ForeignKey("store.transaction_log.name", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("customer", Text, nullable=False),
    _instant("at"),
    Column("amount", Numeric, nullable=False),
    PrimaryKeyConstraint("log", "number", name="transaction_row_pkey"),
)

request = Table(
    "request",
    metadata,
    Column("person", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("status", Integer),
    Column("answer", JSONB),
    Column("location", Text),
    _recorded_at(),
    PrimaryKeyConstraint("person", "key", name="request_pkey"),
)
"""Which POSTs were answered, so that a repeated Idempotency-Key gets the same answer."""

redemption = Table(
    "redemption",
    metadata,
    Column("id", Text, primary_key=True),
    Column("program", Text, nullable=False),
    Column("participant", Text, nullable=False),
    Column("reward", Text, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reference", Text),
    Column("why", Text, nullable=False, server_default=""),
    Column("refusal", Text),
    _instant("asked_at"),
    _instant("settled_at", nullable=True),
    _recorded_at(),
    ForeignKeyConstraint(
        ["program", "participant"],
        ["store.member.program", "store.member.participant"],
        name="redemption_member",
        onupdate="CASCADE",
    ),
    Index("redemption_by_member", "program", "participant", "asked_at"),
    Index("redemption_taken", "program", "reward", postgresql_where="state IN ('held', 'fulfilled')"),
)
"""What became of each redemption: `held`, then `fulfilled` (with what was handed out) or `voided` (with why), or `refused`."""

voucher_code = Table(
    "voucher_code",
    metadata,
    _program(),
    Column("reward", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("redemption", Text),
    _recorded_at(),
    PrimaryKeyConstraint("program", "reward", "code", name="voucher_code_pkey"),
    UniqueConstraint("redemption", name="voucher_code_once"),
    Index("voucher_code_free", "program", "reward", "code", postgresql_where="redemption IS NULL"),
)
"""The stock of a reward that is handed out as codes; a code belongs to one redemption, and a redemption to one code."""

benefit_grant = Table(
    "benefit_grant",
    metadata,
    Column("program", Text, nullable=False),
    Column("participant", Text, nullable=False),
    Column("benefit", Text, nullable=False),
    Column("tier", Text, nullable=False),
    _instant("at"),
    Column("name", Text, nullable=False),
    Column("occasion", Text, nullable=False),
    Column("points", BigInteger),
    _recorded_at(),
    PrimaryKeyConstraint("program", "participant", "benefit", "tier", "at", name="benefit_grant_pkey"),
    ForeignKeyConstraint(
        ["program", "participant"],
        ["store.member.program", "store.member.participant"],
        name="benefit_grant_member",
        onupdate="CASCADE",
    ),
)
"""What joining, a tier or staying in it brought a member; once for the instant at which it was due."""

outside_event = Table(
    "outside_event",
    metadata,
    _program(),
    Column("key", Text, nullable=False),
    Column("participant", Text, nullable=False),
    _instant("occurred_at"),
    Column("amount", Numeric, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    _recorded_at(),
    PrimaryKeyConstraint("program", "key", name="outside_event_pkey"),
)
"""What was bought outside the program, by who is held out or has left: for the comparison, and nothing that earns."""

held_out = Table(
    "held_out",
    metadata,
    _program(),
    Column("participant", Text, nullable=False),
    _instant("since"),
    _recorded_at(),
    PrimaryKeyConstraint("program", "participant", name="held_out_pkey"),
)
"""Who would have joined and is held out, since when: the control that members are compared with."""

invitation = Table(
    "invitation",
    metadata,
    _program(),
    Column("participant", Text, nullable=False),
    Column("invited_by", Text, nullable=False),
    _instant("invited_at"),
    _instant("accepted_at", nullable=True),
    _recorded_at(),
    PrimaryKeyConstraint("program", "participant", name="invitation_pkey"),
)
"""Who was invited to a program, by reference; `accepted_at` once they have joined."""

notice = Table(
    "notice",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Text, nullable=False),
    Column("program", Text, ForeignKey("store.program.id")),
    Column("gate", Text),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("round", Integer, nullable=False, server_default="1"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    _instant("created_at"),
    _instant("started_at", nullable=True),
    _instant("settled_at", nullable=True),
    _recorded_at(),
    UniqueConstraint("id", name="notice_id"),
    Index("notice_waiting", "number", postgresql_where="state = 'waiting' AND started_at IS NULL"),
    Index("notice_by_state", "state", "number"),
)
"""What is to be told to one recipient by one channel: `waiting`, then `delivered` or `dead`; a replay is a further `round`."""

audit = Table(
    "audit",
    metadata,
    Column("program", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    _instant("at"),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("role", Text),
    Column("on_behalf_of", Text),
    Column("about", Text),
    Column("key", Text),
    Column("refusal", Text),
    Column("details", JSONB, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    _instant("recorded_at"),
    PrimaryKeyConstraint("program", "number", name="audit_pkey"),
    Index("audit_once", "program", "key", unique=True, postgresql_where="key IS NOT NULL"),
    Index("audit_about", "about", "number", postgresql_where="about IS NOT NULL"),
    Index("audit_by_actor", "actor", "recorded_at", postgresql_where="action = 'vote'"),
    Index("audit_by_giver", "on_behalf_of", "recorded_at", postgresql_where="on_behalf_of IS NOT NULL"),
)
"""Who decided and did what, refused attempts included (`refusal` says why); a chain of hashes, append-only by privilege."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("program", Text, primary_key=True),
    Column("number", BigInteger, nullable=False, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)
"""The last entry of each chain; moved by a trigger, and by nobody else."""

delegation = Table(
    "delegation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("giver", Text, nullable=False),
    Column("taker", Text, nullable=False),
    Column("roles", JSONB, nullable=False),
    Column("program", Text, ForeignKey("store.program.id")),
    _instant("since"),
    _instant("until"),
    _instant("ended_at", nullable=True),
    _recorded_at(),
    Index("delegation_by_giver", "giver", "until"),
    Index("delegation_by_taker", "taker", "until"),
)
"""Who decides for whom, from when until when; no program means all. `ended_at` is set where it was ended before its time."""

gate_answer = Table(
    "gate_answer",
    metadata,
    Column("gate", Text, ForeignKey("store.gate.id"), nullable=False),
    Column("person", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("refusal", JSONB(none_as_null=True)),
    Column("state", JSONB(none_as_null=True)),
    _recorded_at(),
    PrimaryKeyConstraint("gate", "person", "key", name="gate_answer_pkey"),
)
"""What became of each decision handed to a gate: the gate after it where it counted, or why it did not; neither: it is open."""
books_estimate = Table(
    "books_estimate",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _program(),
    Column("period", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("redemption_rate", Numeric, nullable=False),
    Column("why", Text, nullable=False),
    Column("entered_by", Text, nullable=False),
    Column("key", Text, nullable=False),
    _instant("at"),
    _recorded_at(),
    UniqueConstraint("program", "key", name="books_estimate_once"),
)
"""The redemption rates that finance entered: from which period on, by whom and why. The last one for a period counts."""

books_period = Table(
    "books_period",
    metadata,
    _program(),
    Column("period", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("closed_by", Text, nullable=False),
    _instant("closed_at"),
    Column("books", JSONB, nullable=False),
    _recorded_at(),
    PrimaryKeyConstraint("program", "period", name="books_period_pkey"),
    Index("books_period_last", "program", unique=True, postgresql_where="status = 'final'"),
)
"""The books of each closed period, as they were closed: figures, terms and journal; the `final` one ends them."""
api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("roles", JSONB, nullable=False),
    Column("programs", JSONB(none_as_null=True)),
    _instant("expires_at"),
    Column("created_by", Text, nullable=False),
    _instant("created_at"),
    Column("revoked_by", Text),
    _instant("revoked_at", nullable=True),
    Column("last_used_on", Date),
    _recorded_at(),
    CheckConstraint("expires_at > created_at AND expires_at <= created_at + interval '366 days'", name="api_key_ends"),
)
"""The keys of machines; of a secret only the SHA-256 is kept. What a key may never changes, by privilege."""

program_hold = Table(
    "program_hold",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _program(),
    Column("kind", Text, nullable=False),
    Column("stops", JSONB, nullable=False),
    Column("reason", Text, nullable=False),
    Column("begun_by", Text, nullable=False),
    _instant("since"),
    _instant("until", nullable=True),
    Column("lifted_by", Text),
    Column("lifted_why", Text, nullable=False, server_default=""),
    Column("key", Text, nullable=False),
    Column("lifted_key", Text),
    _recorded_at(),
    UniqueConstraint("program", "key", name="program_hold_once"),
    Index("program_hold_standing", "program", "kind", unique=True, postgresql_where="until IS NULL"),
)
"""What was stopped of a program, from when on, by whom and why; lifted or standing. What a hold stops never changes."""

wind_down_step = Table(
    "wind_down_step",
    metadata,
    _program(),
    Column("step", Text, nullable=False),
    Column("number", Integer, nullable=False),
    _instant("due", nullable=True),
    _instant("began_at", nullable=True),
    _instant("ended_at", nullable=True),
    Column("told", Text, nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("trouble", Text, nullable=False, server_default=""),
    Column("figures", JSONB, nullable=False, server_default="{}"),
    _recorded_at(),
    PrimaryKeyConstraint("program", "step", name="wind_down_step_pkey"),
)
"""The steps of a program's end: when each is due, began and ended, what it did, how often tried, what last went wrong."""

announcement = Table(
    "announcement",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _program(),
    Column("about", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("kind", Text, nullable=False),
    _instant("at"),
    Column("told", JSONB, nullable=False, server_default="{}"),
    _recorded_at(),
    UniqueConstraint("program", "about", "kind", "audience", "recipient", name="announcement_once"),
    Index("announcement_in_turn", "program", "about", "id"),
)
"""What is to be told to whom, by reference, for whoever writes to them: of the program's end (`about` is `end`), or of an
amendment (`r2`); each notice once for each recipient."""

amendment_impact = Table(
    "amendment_impact",
    metadata,
    Column("program", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("impact", JSONB, nullable=False),
    _instant("at"),
    _recorded_at(),
    PrimaryKeyConstraint("program", "revision", name="amendment_impact_pkey"),
    ForeignKeyConstraint(
        ["program", "revision"], ["store.revision.program", "store.revision.number"], name="amendment_impact_revision"
    ),
)
"""What an amendment means for the members that existed when its launch gate opened, as figures."""

amendment_impact_member = Table(
    "amendment_impact_member",
    metadata,
    Column("program", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("participant", Text, nullable=False),
    Column("tier_before", Text),
    Column("tier_after", Text),
    Column("tier_by_rules", Text),
    Column("points_before", BigInteger, nullable=False, server_default="0"),
    Column("points_after", BigInteger, nullable=False, server_default="0"),
    Column("value_change", Numeric, nullable=False, server_default="0"),
    PrimaryKeyConstraint("program", "revision", "participant", name="amendment_impact_member_pkey"),
    ForeignKeyConstraint(
        ["program", "participant"],
        ["store.member.program", "store.member.participant"],
        name="amendment_impact_member_member",
        onupdate="CASCADE",
    ),
    Index("amendment_impact_member_of", "program", "participant"),
)
"""The same for each member who would move, gain or lose; who is not here is not touched."""

cohort = Table(
    "cohort",
    metadata,
    _program(),
    Column("name", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    _instant("created_at"),
    _instant("begun_at", nullable=True),
    Column("begun_by", Text),
    _recorded_at(),
    PrimaryKeyConstraint("program", "name", name="cohort_pkey"),
    CheckConstraint("(begun_at IS NULL) = (begun_by IS NULL)", name="cohort_begun"),
)
"""The named cohorts of a program; one that a wave or a pilot (`begun_by`) has begun with is changed no more."""

cohort_member = Table(
    "cohort_member",
    metadata,
    Column("program", Text, nullable=False),
    Column("participant", Text, nullable=False),
    Column("cohort", Text, nullable=False),
    PrimaryKeyConstraint("program", "participant", name="cohort_member_pkey"),
    ForeignKeyConstraint(["program", "cohort"], ["store.cohort.program", "store.cohort.name"], name="cohort_member_cohort"),
    Index("cohort_member_in_turn", "program", "cohort", "participant"),
)
"""Who is in which cohort, by reference; by the key, in one at most."""
