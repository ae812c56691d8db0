"""Tests of the points ledger, on real PostgreSQL."""
