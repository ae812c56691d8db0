"""Tests of `api/reports`."""
