"""Enrolment in a program, and admission to it."""
