"""The availability of a program for a purpose, and the refusals if it is closed."""
