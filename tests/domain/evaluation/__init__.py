"""Tests of `domain/evaluation`."""
