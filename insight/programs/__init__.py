"""The impact of an amendment on the members that exist."""
