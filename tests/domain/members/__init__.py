"""Tests of `domain/members`."""
