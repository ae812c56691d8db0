"""The process that books expired points."""
