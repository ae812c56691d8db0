"""`tenure member`."""
