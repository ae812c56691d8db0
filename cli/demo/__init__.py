"""The demo: a real purchase log, played as the life of a program, through the same API that everybody uses."""
