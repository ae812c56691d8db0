"""Tests of `domain/rollout`."""
