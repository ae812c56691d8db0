"""Points: what an event earns, when points expire, and what is refused about them."""
