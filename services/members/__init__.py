"""Who may join a program, and who is let in."""
