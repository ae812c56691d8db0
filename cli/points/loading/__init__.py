"""`tenure event load`: a file of events of any size, posted so that a second run goes on where the first one stopped."""
