"""Processes of gates: who is asked, who has decided, what time does."""
