"""Side effects on programs: what is written, announced, held and settled as they live and end."""
