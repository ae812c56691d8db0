"""Surveys: the two questions about a program as the trade asks them, and how their answers are read."""

from collections.abc import Mapping
from typing import Literal

Question = Literal["recommend", "satisfaction"]
"""How likely they would recommend the program (Reichheld 2003), and how content they are with it."""
SCALE: Mapping[Question, tuple[int, int]] = {"recommend": (0, 10), "satisfaction": (1, 5)}
"""The least and the most that each is answered with."""
PROMOTING = 9
"""From this on an answer promotes the program."""
DETRACTING = 6
"""Up to this it detracts from it."""
SATISFIED = 4
"""From this on somebody is satisfied: the upper two of five boxes."""
