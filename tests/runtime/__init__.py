"""Tests of what every process starts with."""
