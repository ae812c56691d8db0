"""`tenure definition`."""
