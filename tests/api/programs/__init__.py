"""Tests of `api/programs`."""
