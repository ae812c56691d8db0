"""`tenure rollout` and `tenure cohort`."""
