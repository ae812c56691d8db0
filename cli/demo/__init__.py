"""The demo: plays a real purchase log as the life of a program, through the public API."""
