"""Tests of `store/acceptance`."""
