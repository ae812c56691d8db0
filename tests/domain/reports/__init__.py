"""Tests of `domain/reports`."""
