"""The base of every value that crosses a boundary: frozen, and strict about keys it does not know."""

from pydantic import AfterValidator, BaseModel, ConfigDict


def _can_be_kept(text: str) -> str:
    if "\x00" in text:
        raise ValueError("it holds the character U+0000, which no database keeps; take that character away")
    return text


CAN_BE_KEPT = AfterValidator(_can_be_kept)
"""For free text of people, after its length check: refuses text that cannot be stored, so that no later write fails."""


class Value(BaseModel):
    """An immutable value that refuses unknown keys: for input of people."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_timedelta="iso8601")


class Message(BaseModel):
    """An immutable value that ignores unknown keys: for messages of workflows and activities, so that histories replay."""

    model_config = ConfigDict(frozen=True, extra="ignore")
