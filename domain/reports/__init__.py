"""Operational reports: their tables, and which there are."""
