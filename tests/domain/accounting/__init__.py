"""Tests of `domain/accounting`."""
