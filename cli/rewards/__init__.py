"""`tenure reward`."""
