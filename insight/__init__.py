"""Computations over many rows at once: prototypes, rehearsals, the comparison with the holdout, an amendment's impact."""
