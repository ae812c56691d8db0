"""The effect of a program: members compared with the holdout."""
