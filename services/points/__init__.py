"""How an event becomes what the ledger is asked for."""
