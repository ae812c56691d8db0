"""Tests of `insight/acceptance`."""
