"""Tests of `cli/identity`."""
