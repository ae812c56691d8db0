"""Tests of `activities/evaluation`."""
