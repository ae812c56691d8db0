"""Tests of `api/accounting`."""
