"""Tests of `api/ledger`."""
