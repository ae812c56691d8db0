"""The reasons why a program's workflow refuses a revision."""

from temporalio import workflow

from activities.refusals import in_words, refusal
from domain.definition.document import Definition
from domain.errors_input import Changed
from domain.programs import amendments
from domain.programs.errors import EffectiveDatePast, TierNotReplaced, WaveBegun
from domain.programs.errors_lifecycle import (
    AmendmentWaits,
    NoDateBeforeLaunch,
    ProgramEnds,
    RevisionInQualification,
    RevisionUnchanged,
)
from domain.rollout.waves import changed_after_beginning
from workflows.details import instant
from workflows.programs.pending_amendment import ScheduledAmendment
from workflows.programs.state import ProgramState, RevisionSubmission


def of_revision(
    state: ProgramState, submission: RevisionSubmission, *, on_its_way: bool, waiting: ScheduledAmendment | None
) -> None:
    """Raise why no revision is accepted: the program ends, another is on its way or `waiting` for its date; or why not this:
    its date has passed, it was made from an outdated revision, it changes nothing.
    """
    if state.stage in ("wind_down", "closed", "rejected") or state.end_approved:
        raise refusal(ProgramEnds(f"The program is in stage {state.stage.replace('_', ' ')}; it takes no revisions any more."))
    if state.before_launch and state.end is not None:
        raise refusal(ProgramEnds("The program is being withdrawn; it takes no revisions any more."))
    if submission.instead_of is not None and submission.instead_of != state.latest.digest:
        raise in_words(
            Changed,
            f"Revision {state.latest.number} has been handed in meanwhile.",
            "Read it, see what has changed, and send your change with its new ETag.",
        )
    if on_its_way:
        raise refusal(
            RevisionInQualification(
                f"Revision {state.latest.number} is being qualified.",
                "Wait for its outcome at its gates, then hand in the next one.",
            )
        )
    if waiting is not None:
        recall = f"tenure program recall {state.latest.program} {waiting.revision.number}"
        raise refusal(
            AmendmentWaits(
                f"Revision {waiting.revision.number} is approved and takes effect on {instant(waiting.effective_from)}.",
                f"Wait for that date, or call it back: `{recall}`.",
            )
        )
    _of_date(state, submission)
    # A recalled revision may be submitted again, for another date.
    recalled = state.latest.number == state.recalled
    for known in (state.latest if not recalled else None, state.in_force):
        if known is not None and submission.digest == known.digest:
            raise refusal(RevisionUnchanged(f"The definition is the same as revision {known.number}."))


def of_definition(state: ProgramState, definition: Definition) -> None:
    """Raise if a revision changes what it may not: tiers that members hold, waves that have begun, the holdout."""
    held = state.in_force.definition.tiers if state.in_force else ()
    if missing := amendments.without_place(definition, [tier.id for tier in held]):
        raise in_words(
            TierNotReplaced,
            f"The definition neither has nor replaces {', '.join(missing)}, which the revision in force has.",
            f"Write replaces: [{', '.join(missing)}] under the tier that takes its place, or keep the tier.",
        )
    if changed := _begun_and_changed(state, definition):
        raise refusal(WaveBegun(changed))


def _of_date(state: ProgramState, submission: RevisionSubmission) -> None:
    if submission.wanted_from is not None and state.in_force is None:
        raise refusal(
            NoDateBeforeLaunch("The program has not been launched; what is launched is in force as soon as it is approved.")
        )
    if submission.wanted_from is not None and submission.wanted_from <= workflow.now():
        raise in_words(
            EffectiveDatePast,
            f"{instant(submission.wanted_from)} has passed; it is {instant(workflow.now())}.",
            "Name a date that is still to come, or none: the revision then takes effect as soon as it may.",
        )


def _begun_and_changed(state: ProgramState, definition: Definition) -> tuple[str, ...]:
    """The fixed parts that a revision changes: begun waves while the program is rolled out, and at any time the holdout."""
    if state.in_force is None:
        return ()
    changed = changed_after_beginning(state.in_force.definition, definition, state.begun_waves)
    return changed if state.stage == "rollout" else tuple(each for each in changed if each == "holdout")
