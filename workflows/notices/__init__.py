"""Processes that deliver notices, and try the channels."""
