"""Use cases that HTTP, workflows, imports and simulations share: over an engine, a connection or the ledger."""
