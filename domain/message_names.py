"""The names of signals and updates that are sent by name: the handler and each sender take them from here.

They are recorded in histories and in the outbox, so a name keeps its spelling for ever. A sender that can refer to the
handler's method itself, as `handle.execute_update(MemberLifecycle.leave, …)`, needs no name.
"""

NUDGE = "nudge"
"""Signal: something has changed, read it again. It carries no facts, so that a lost or doubled one does no harm."""
LOOK_AT_HOLDS = "look_at_holds"
"""Signal to a program's lifecycle: a hold was placed or lifted."""
SHOW_PROGRESS = "show_progress"
"""Signal to a program's lifecycle: the progress of one of its child workflows."""
GUARDRAIL_SAID = "guardrail_said"
"""Signal to a rollout: the verdict of one of its guardrails."""
END_MEMBERSHIP = "end"
"""Update of a member's lifecycle: the membership ends because the program does."""
