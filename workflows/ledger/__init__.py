"""The process that seals the ledger."""
