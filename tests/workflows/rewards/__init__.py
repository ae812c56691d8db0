"""Tests of `workflows/rewards`."""
