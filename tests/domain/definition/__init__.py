"""Tests of `domain/definition`."""
