"""Operational reports: the list of them, and their tables."""
