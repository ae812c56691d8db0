"""The process that answers a silent member."""
