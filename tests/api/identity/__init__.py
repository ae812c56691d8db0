"""Tests of `api/identity`."""
