"""Tests of `api/points`."""
