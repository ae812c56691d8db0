"""Processes of a rollout: its waves, their invitations, and the watch over guardrails."""
