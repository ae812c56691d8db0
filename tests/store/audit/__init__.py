"""Tests of `store/audit`."""
