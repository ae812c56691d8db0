"""Tests of `domain/gates`."""
