"""Routes for what members answer about the program."""
