"""Tests of `workflows/members`."""
