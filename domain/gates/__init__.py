"""Approval gates: the reducer that counts votes, how a gate opens, delegations and the inbox."""
