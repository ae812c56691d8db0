"""Tests of `cli/accounting`."""
