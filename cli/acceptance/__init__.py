"""`tenure prototype`, `tenure log` and `tenure readiness`."""
