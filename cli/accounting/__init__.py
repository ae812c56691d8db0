"""`tenure books`."""
