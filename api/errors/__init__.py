"""The problems that arise at the edge itself, by subject."""
