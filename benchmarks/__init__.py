"""Measurements: what each thing costs, as a ratio to a floor measured in the same run."""
