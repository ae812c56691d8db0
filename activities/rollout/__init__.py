"""Side effects of a rollout: invitations, and what its guardrails read."""
