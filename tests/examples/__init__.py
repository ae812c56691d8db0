"""Tests of the example definitions."""
