"""Rewards: their availability, and the order of a redemption."""
