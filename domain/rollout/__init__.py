"""The rollout: waves, the holdout, and guardrails."""
