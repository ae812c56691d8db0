"""Tests of `cli/points`."""
