"""Tests of the work on many rows."""
