"""Side effects on the ledger as a whole: sealing it."""
