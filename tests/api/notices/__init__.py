"""Tests of `api/notices`."""
