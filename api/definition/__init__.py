"""A definition in the body of a request."""
