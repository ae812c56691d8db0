"""Routes for evaluations and their Schedule."""
