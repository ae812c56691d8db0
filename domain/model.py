"""The base of every value that crosses a boundary: frozen, and strict about keys it does not know."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value that refuses unknown keys: for what people write."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_timedelta="iso8601")


class Message(BaseModel):
    """An immutable value that ignores unknown keys: for what workflows and activities exchange, so that histories replay."""

    model_config = ConfigDict(frozen=True, extra="ignore")
