"""Pages for browsers: their frame, plots and templates; pure rendering."""
