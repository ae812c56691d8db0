"""Thin HTTP: check who asks, turn the request into one Temporal call or one query, answer."""
