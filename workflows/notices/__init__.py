"""Processes that deliver notices and test the channels."""
