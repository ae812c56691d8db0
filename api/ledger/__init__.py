"""Routes for the ledger as a whole."""
