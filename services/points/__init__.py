"""The rating of events into requests to the ledger."""
