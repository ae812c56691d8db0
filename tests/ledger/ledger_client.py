"""A client of the ledger, for the bank run: asks for earns, burns, holds and captures, and says what it was answered.

As a process of its own (`python -m tests.ledger.ledger_client URL NAME`) it writes each request before it asks and each
answer once it has it, a line of JSON each, until it is killed.
"""

import asyncio
import json
import sys
from random import Random
from typing import Any

from ledger import Burn, Earn, Ledger, PostingResult
from ledger.requests_holds import Capture, Hold
from runtime.database import create_engine
from tests.ledger.requests import a_burn, a_capture, a_hold, an_earn

MEMBERS = [f"m{number}" for number in range(6)]
CALLERS = 8

Ask = Earn | Burn | Hold | Capture
_KINDS: dict[str, type[Ask]] = {kind.__name__: kind for kind in (Earn, Burn, Hold, Capture)}


async def ask(ledger: Ledger, request: Ask) -> PostingResult:
    """The ledger's answer to whatever it is."""
    answer: PostingResult = await getattr(ledger, type(request).__name__.lower())(request)
    return answer


def requests(random: Random, caller: str) -> list[Ask]:
    """What a caller asks next: an earn, a burn, or a hold with its capture."""
    member, points = random.choice(MEMBERS), random.randint(1, 40)
    what = random.choices(["earn", "burn", "hold"], [5, 4, 2])[0]
    if what == "earn":
        return [an_earn(f"{caller}/e", points, member=member, at=0, expires=30)]
    if what == "burn":
        return [a_burn(f"{caller}/b", points, member=member)]
    return [a_hold(f"{caller}/h", points, member=member), a_capture(f"{caller}/c", f"{caller}/h", member=member)]


def read(said: dict[str, Any]) -> Ask:
    """The request of a line."""
    return _KINDS[said["kind"]].model_validate(said["request"])


async def _work(url: str, name: str) -> None:
    ledger = Ledger(create_engine(url, pool_size=CALLERS))

    async def call(caller: int) -> None:
        random, count = Random(f"{name}/{caller}"), 0
        while True:
            for request in requests(random, f"{name}/{caller}/{count}"):
                _say({"key": request.key, "kind": type(request).__name__, "request": request.model_dump(mode="json")})
                _say({"key": request.key, "answer": (await ask(ledger, request)).model_dump(mode="json")})
            count += 1

    await asyncio.gather(*map(call, range(CALLERS)))


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_work(*sys.argv[1:]))
