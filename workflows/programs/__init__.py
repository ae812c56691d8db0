"""Processes of a program: its life, amendments, holds, and its end."""
