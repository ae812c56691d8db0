"""Tests of `domain/identity`."""
