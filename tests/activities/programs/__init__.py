"""Tests of `activities/programs`."""
