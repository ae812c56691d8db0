"""Tests of `cli/render`."""
