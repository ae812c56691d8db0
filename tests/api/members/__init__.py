"""Tests of `api/members`."""
