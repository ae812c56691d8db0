"""The process of a redemption."""
