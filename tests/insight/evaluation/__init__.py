"""Tests of `insight/evaluation`."""
