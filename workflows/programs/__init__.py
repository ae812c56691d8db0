"""Processes of a program: its lifecycle, amendments, holds, and its end."""
