"""The program definition: its document in parts, its digest, how two of them differ, and what each key means."""
