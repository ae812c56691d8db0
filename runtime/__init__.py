"""What every process starts with: settings, the database engine, the Temporal client, logs, and the base of all errors."""
