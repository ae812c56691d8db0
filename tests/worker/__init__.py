"""Tests of the worker processes and the embedded stack."""
