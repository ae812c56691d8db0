"""Tests of `cli/acceptance`."""
