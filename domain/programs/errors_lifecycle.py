"""What the lifecycle of a program refuses: revisions that it does not take now, recalls, and a second end."""

from domain.refusals import Refused


class ProgramEnds(Refused):
    """The program is ending or has ended, and takes no revisions."""

    code = "program_ends"
    title = "The program takes no revisions any more"
    detail = "The program is in stage wind down; it takes no revisions any more."
    remedy = "Start another program with this definition, under an id of its own."


class RevisionInQualification(Refused):
    """One revision is qualified at a time."""

    code = "revision_in_qualification"
    title = "Another revision is being qualified"
    detail = "Revision 2 is being qualified."
    remedy = "Wait for its outcome at its gates, then try again."


class AmendmentWaits(Refused):
    """One amendment is on its way at a time, to its date."""

    code = "amendment_waits"
    title = "Another amendment waits for its date"
    detail = "Revision 2 is approved and takes effect on 10 Apr 2026 09:30:00 UTC."
    remedy = "Wait for that date, or call it back with `tenure program recall`."


class NoDateBeforeLaunch(Refused):
    """What is launched is in force from its launch on."""

    code = "no_date_before_launch"
    category = "invalid"
    title = "A date is for amendments"
    detail = "The program has not been launched; what is launched is in force as soon as it is approved."
    remedy = "Hand the revision in without a date."


class NothingToRecall(Refused):
    """Only an approved amendment that is not in force yet can be called back."""

    code = "nothing_to_recall"
    title = "The revision waits for no date"
    detail = "Revision 2 does not wait for the date on which it takes effect."
    remedy = "See `tenure program revisions`: a revision can be called back while it is approved and not yet in force."


class RecallTooLate(Refused):
    """What has rated events is not undone; a further revision comes after it."""

    code = "recall_too_late"
    title = "The revision has taken effect"
    detail = "Revision 2 has taken effect."
    remedy = "Hand in a further revision; `tenure program rollback` hands in an earlier one again."


class RevisionUnchanged(Refused):
    """The definition has the digest of the latest revision."""

    code = "revision_unchanged"
    title = "The definition is the same as before"
    detail = "The definition is the same as revision 2."
    remedy = "Change the definition before handing it in again."


class EndRequested(Refused):
    """The end is asked for once; its gate decides."""

    code = "end_requested"
    title = "The end has been asked for already"
    detail = "The end of the program has been asked for already."
    remedy = "Wait for what its wind-down gate decides."
