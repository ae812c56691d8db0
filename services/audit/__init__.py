"""The dossier of a program: everything that was decided, in one place."""
