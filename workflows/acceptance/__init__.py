"""Processes before a launch: qualification, test phases, prototypes and readiness."""
