"""The process of an offer to a silent member."""
