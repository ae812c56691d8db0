"""Routes for members."""
