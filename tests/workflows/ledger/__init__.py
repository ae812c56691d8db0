"""Tests of `workflows/ledger`."""
