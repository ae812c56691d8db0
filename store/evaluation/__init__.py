"""The evaluations of a program in operation, as they are kept."""
