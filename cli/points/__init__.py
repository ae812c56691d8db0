"""`tenure points` and `tenure event`."""
