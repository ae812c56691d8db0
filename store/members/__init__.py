"""Members as they are kept, with their tiers and benefits."""
