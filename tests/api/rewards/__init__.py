"""Tests of `api/rewards`."""
