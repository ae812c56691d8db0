"""The rows of operational reports, from what the store and the ledger know."""
