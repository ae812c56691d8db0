"""Tests of `domain/rewards`."""
