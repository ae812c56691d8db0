"""Tests of `activities/members`."""
