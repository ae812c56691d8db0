"""`tenure audit`."""
