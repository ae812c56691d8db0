"""The basis of every process: settings, the database engine, the Temporal client, logs, keys and signatures."""
