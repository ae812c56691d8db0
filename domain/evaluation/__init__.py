"""How a running program is judged: its key figures, their formulas, and when they fall due."""
