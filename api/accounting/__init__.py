"""Routes for the books of a program."""
