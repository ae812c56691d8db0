"""What operational reports read, as of an instant."""
