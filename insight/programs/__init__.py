"""What an amendment means for the members that there are."""
