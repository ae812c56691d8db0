"""The base of every value that crosses a boundary: frozen, and strict about keys it does not know."""

from typing import Any

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator


def _can_be_kept(text: str) -> str:
    if "\x00" in text:
        raise ValueError("it holds the character U+0000, which no database keeps; take that character away")
    return text


CAN_BE_KEPT = AfterValidator(_can_be_kept)
"""For free text of people, after its length check: refuses text that cannot be stored, so that no later write fails."""


def formerly(old: str, new: str) -> Any:
    """For a model whose field `new` was called `old`: the old name goes on working, and nobody is shown it."""

    def renamed(given: Any) -> Any:
        if isinstance(given, dict) and old in given and new not in given:
            return {new if name == old else name: value for name, value in given.items()}
        return given

    return model_validator(mode="before")(renamed)


class Value(BaseModel):
    """An immutable value that refuses unknown keys: for input of people."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_timedelta="iso8601")


class Message(BaseModel):
    """An immutable value that ignores unknown keys: for messages of workflows and activities, so that histories replay."""

    model_config = ConfigDict(frozen=True, extra="ignore")
