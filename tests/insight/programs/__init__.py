"""Tests of `insight/programs`."""
