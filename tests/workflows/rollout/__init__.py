"""Tests of `workflows/rollout`."""
