"""`tenure notice`."""
