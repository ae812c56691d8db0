"""Routes for the API keys of machines."""
