"""The process that sweeps out what has expired."""
