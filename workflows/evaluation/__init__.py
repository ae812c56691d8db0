"""The process that evaluates a program."""
