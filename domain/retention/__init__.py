"""Retention of members: surveys about the program."""
