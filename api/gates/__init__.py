"""Routes for gates, delegations and the inbox."""
