"""Routes for events, statements, corrections and exchanges of points."""
