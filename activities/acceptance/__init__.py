"""Side effects before a launch: prototypes, pilots, and the look at readiness."""
