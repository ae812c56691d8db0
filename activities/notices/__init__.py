"""Side effects of notices: their delivery by each channel."""
