"""How a definition file is read: its shape, its values, and every fault with its line and its remedy."""
