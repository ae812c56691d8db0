"""The `tenure` command: speaks HTTP to the API, reads definition files, and starts the embedded stack."""
