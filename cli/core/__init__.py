"""What every command shares: the client of the API, options, errors, and how values are written."""
