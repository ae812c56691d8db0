"""Tests of `store/notices`."""
