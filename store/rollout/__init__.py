"""The rollout as it is kept: waves, cohorts, invitations, and the holdout."""
