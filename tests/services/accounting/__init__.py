"""Tests of `services/accounting`."""
