"""Tests of `api/rollout`."""
