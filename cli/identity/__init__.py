"""`tenure api-key` and `tenure keys`."""
