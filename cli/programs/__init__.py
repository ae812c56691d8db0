"""`tenure program`, with its amendments, holds and end."""
