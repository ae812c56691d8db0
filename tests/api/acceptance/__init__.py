"""Tests of `api/acceptance`."""
