"""`tenure doctor`: read-only probes of the installation, the running programs, and their faults."""
