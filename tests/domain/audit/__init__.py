"""Tests of `domain/audit`."""
