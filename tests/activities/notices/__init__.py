"""Tests of `activities/notices`."""
