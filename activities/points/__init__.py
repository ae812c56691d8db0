"""Side effects on points: what has expired is swept out."""
