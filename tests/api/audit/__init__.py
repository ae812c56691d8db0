"""Tests of `api/audit`."""
