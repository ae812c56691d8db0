"""The acceptance of a revision before its launch: prototypes, scenarios, pilots and readiness."""
