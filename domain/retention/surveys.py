"""Surveys: the trade's two standard questions about a program, and the meaning of their answers."""

from collections.abc import Mapping
from typing import Literal

Question = Literal["recommend", "satisfaction"]
"""How likely members would recommend the program (Reichheld 2003), and how satisfied they are with it."""
SCALE: Mapping[Question, tuple[int, int]] = {"recommend": (0, 10), "satisfaction": (1, 5)}
"""The lowest and the highest answer to each."""
PROMOTING = 9
"""An answer of this or more promotes the program."""
DETRACTING = 6
"""An answer of this or less detracts from the program."""
SATISFIED = 4
"""An answer of this or more is satisfied: the upper two of five boxes."""
