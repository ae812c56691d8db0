"""Redemptions as they are kept, and what is left of each reward."""
