"""Tests of `domain/notices`."""
