"""Reading a definition file: its shape, its values, and every fault with its line and its remedy."""
