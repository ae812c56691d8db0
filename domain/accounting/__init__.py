"""The books: revenue deferred for points, the journal, and closed periods."""
