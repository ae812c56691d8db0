"""How members are kept: what they are asked about the program."""
