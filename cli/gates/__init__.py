"""`tenure gate` and the delegations under it."""
