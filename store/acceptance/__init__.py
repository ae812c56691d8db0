"""What a revision has shown before its launch, as it is kept: evidence, pilots, readiness and transaction logs."""
