"""Side effects of gates: what is written of decisions, and who is told."""
