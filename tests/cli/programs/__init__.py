"""Tests of `cli/programs`."""
