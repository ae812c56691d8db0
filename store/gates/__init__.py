"""Gates as they are kept: their votes, delegations, and the inbox over them."""
