"""Tests of `cli/evaluation`."""
