"""Tests of `domain/acceptance`."""
