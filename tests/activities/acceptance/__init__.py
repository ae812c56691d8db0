"""Tests of `activities/acceptance`."""
