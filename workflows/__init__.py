"""The durable processes: they decide and wait, and do nothing else."""
