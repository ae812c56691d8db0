"""The process that is a membership."""
