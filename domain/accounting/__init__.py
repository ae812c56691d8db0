"""The books: revenue that is deferred for points, the journal, and the periods that are closed."""
