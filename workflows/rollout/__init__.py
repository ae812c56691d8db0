"""Processes of a rollout: its waves, their invitations, and the checks of guardrails."""
