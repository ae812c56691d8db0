"""Tests of `workflows/notices`."""
