"""`tenure program schedule`."""
