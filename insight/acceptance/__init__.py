"""The simulation of a definition over a log of events: by columns, or member by member."""
