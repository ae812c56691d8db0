"""Side effects on members: joining, reviews, and the end of a membership."""
