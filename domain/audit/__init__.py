"""The audit trail: one form for each entry, and the chain of hashes over all of them."""
