"""Tests of `cli/rollout`."""
