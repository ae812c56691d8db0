"""Side effects of redemptions: points held and taken, and the provider who hands a reward out."""
