"""The dossier of a program: all its decisions, with their evidence."""
