"""Tests of `domain/points`."""
