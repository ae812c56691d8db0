"""Routes for the rollout, cohorts, invitations and the holdout."""
