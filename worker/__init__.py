"""The processes that host workflows and activities, the outbox relay, and the embedded stack."""
