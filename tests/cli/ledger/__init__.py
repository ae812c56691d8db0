"""Tests of `cli/ledger`."""
