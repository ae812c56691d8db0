"""A program as a whole: its stages, holds, amendments and end, and its refusals."""
