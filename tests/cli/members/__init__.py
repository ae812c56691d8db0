"""Tests of `cli/members`."""
