"""Tests of `cli/audit`."""
