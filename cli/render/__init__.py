"""Prints programs, gates, reports and figures for people."""
