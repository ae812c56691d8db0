"""The problems of signing what must be ready before a launch."""

from datetime import UTC, datetime

from domain.errors import TenureError


class ItemUnknown(TenureError):
    """The revision on its way to the launch has no such item of readiness."""

    code = "readiness_item_unknown"
    category = "not_found"
    title = "There is no such item of readiness"
    example = {"item": "tils", "known": ["tills", "staff"]}

    def __init__(self, item: str, known: list[str]) -> None:
        asked_for = f"The revision asks for {', '.join(known)}." if known else "The revision asks for no signatures."
        super().__init__(f"There is no item {item!r}.", remedy=asked_for, field="item")


class NothingToSign(TenureError):
    """What is signed is signed for one revision, while it is on its way to the launch."""

    code = "nothing_to_sign"
    category = "conflict"
    title = "No revision is on its way to the launch"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"No revision of program {program!r} is being qualified, so that nothing waits for a signature.",
            remedy="Sign once the next revision is handed in; `tenure readiness show` says what it asks for.",
        )


class NotItsOwner(TenureError):
    """An item is signed, and its signature taken back, by those whom the definition names as its owner."""

    code = "not_the_items_owner"
    category = "forbidden"
    title = "The item belongs to another role"
    example = {"item": "tills", "owner": "operations", "person": "demo-legal"}

    def __init__(self, item: str, owner: str, person: str) -> None:
        super().__init__(
            f"The item {item!r} belongs to {owner}, and {person} has not that role here.",
            remedy=f"Have it done by somebody of {owner}.",
        )


class AlreadySigned(TenureError):
    """An item has one signature at a time."""

    code = "already_signed"
    category = "conflict"
    title = "The item is signed"
    example = {"item": "tills", "person": "demo-operations", "at": datetime(2026, 3, 10, 9, 30, tzinfo=UTC)}

    def __init__(self, item: str, person: str, at: datetime) -> None:
        super().__init__(
            f"The item {item!r} was signed by {person} at {at:%Y-%m-%d %H:%M:%S} UTC.",
            remedy="Nothing is left to do; who doubts it takes the signature back first.",
        )


class NotSigned(TenureError):
    """There is no signature that could be taken back."""

    code = "not_signed"
    category = "conflict"
    title = "The item is not signed"

    def __init__(self, item: str) -> None:
        super().__init__(f"The item {item!r} is not signed.", remedy="See `tenure readiness show` for what is.")
