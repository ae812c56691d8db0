"""Tests of `api/gates`."""
