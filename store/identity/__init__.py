"""People and API keys as they are kept."""
