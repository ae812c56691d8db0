"""`tenure ledger`."""
