"""The process of a membership, from joining to leaving."""
