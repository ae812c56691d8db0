"""Processes of gates: waiting for votes, reminding, escalating and expiring."""
