"""Tests of `runtime/identity`."""
