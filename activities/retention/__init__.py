"""Side effects of retention: the offer to somebody who has gone silent."""
