"""Tests of `domain/programs`."""
