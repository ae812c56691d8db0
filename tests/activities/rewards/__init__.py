"""Tests of `activities/rewards`."""
