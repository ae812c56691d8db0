"""Routes for notices."""
