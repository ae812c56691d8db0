"""What members have answered about the program."""
