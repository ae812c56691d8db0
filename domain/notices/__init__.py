"""Notices to people: their recipients, their texts, and the retries of their delivery."""
