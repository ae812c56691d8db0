"""Tests of `cli/gates`."""
