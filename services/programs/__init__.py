"""What a program is open for, and what somebody meets for whom it is not."""
