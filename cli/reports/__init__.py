"""`tenure report`."""
