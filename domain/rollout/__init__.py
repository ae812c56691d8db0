"""The way out to members: waves, the holdout, and the guardrails that watch them."""
