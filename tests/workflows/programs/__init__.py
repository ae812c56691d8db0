"""Tests of `workflows/programs`."""
