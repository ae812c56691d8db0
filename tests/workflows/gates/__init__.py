"""Tests of `workflows/gates`."""
