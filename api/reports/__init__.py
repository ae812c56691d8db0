"""Routes for reports."""
