"""The rows of operational reports, from the store and the ledger."""
