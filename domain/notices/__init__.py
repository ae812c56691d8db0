"""Notices to people: what each one tells, and how long its delivery is tried."""
