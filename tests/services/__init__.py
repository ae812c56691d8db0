"""Tests of the use cases that several layers share."""
