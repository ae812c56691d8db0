"""What a revision must pass before its launch: prototypes, scenarios, pilots and readiness."""
