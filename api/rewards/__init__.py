"""Routes for rewards and redemptions."""
