"""Who calls, by which token or key, and what they may do."""
