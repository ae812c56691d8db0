"""Tests of `workflows/acceptance`."""
