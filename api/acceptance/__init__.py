"""Routes for prototypes, transaction logs and readiness."""
