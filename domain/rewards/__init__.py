"""Rewards: what can be had, for how many points, and how a redemption ends."""
