"""The embedded stack: PostgreSQL, Temporal, worker and API on one machine, from installed binaries alone."""
