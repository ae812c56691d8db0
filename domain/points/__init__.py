"""Points: the rating of events, the expiry of points, and the refusals about both."""
