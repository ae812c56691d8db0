"""The evaluation of a program in operation: its figures, their formulas, and its verdict."""
