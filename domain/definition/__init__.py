"""The program definition: its document in parts, its digest, the difference of two, and the meaning of each key."""
