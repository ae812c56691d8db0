"""Members of a program: joining, tiers, benefits, and the journey from joining to leaving."""
