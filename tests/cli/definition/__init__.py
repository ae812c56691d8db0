"""Tests of `cli/definition`."""
