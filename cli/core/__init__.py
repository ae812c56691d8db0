"""Shared parts of all commands: the client of the API, options, errors, and the form of values."""
