"""Tests of `api/retention`."""
