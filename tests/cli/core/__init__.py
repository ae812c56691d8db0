"""Tests of `cli/core`."""
