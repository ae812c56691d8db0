"""What every route shares: errors, pages, tags, repetition, limits, and how the API describes itself."""
