"""Tests of `workflows/evaluation`."""
