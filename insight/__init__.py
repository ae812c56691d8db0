"""Work on many rows at once: the prototype's simulation, and later scores, trends and uplift."""
