"""Every table but the ledger's, its migrations and its queries."""
