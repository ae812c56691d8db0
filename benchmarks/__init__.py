"""Measurements: the cost of each operation, as a ratio to a floor measured in the same run."""
