"""The ledger's books as a whole: whether they add up, and whether what was sealed is still what was sealed."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from api.audit.chain_head import HASH, both_or_none
from api.auth.authorization import require
from api.http.dependencies import WithServices
from api.http.idempotency import Key, StoredResponse, idempotent
from api.http.read_retry import RetryReadRoute
from domain.identity.person import Person
from ledger import CheckReport, Head, Sealed, Totals, VerifyReport
from store.programs import programs

router = APIRouter(tags=["ledger"], route_class=RetryReadRoute)

Checker = Annotated[Person, Depends(require("check the ledger"))]
_BLOCKS, _MOST_BLOCKS = 20, 200
"""Blocks in one page of a verification: of 10,000 transactions each at most, so that no request takes minutes."""


class ProgramChecked(CheckReport):
    """What was compared in a program, every drift, and the totals of its currencies."""

    totals: Sequence[Totals]


@router.get("/programs/{program}/ledger-check")
async def check_program(program: str, services: WithServices, person: Checker) -> ProgramChecked:
    """Compare every balance of a program with its postings and its lots; each drift is named with its account."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
    checked = await services.ledger.check(program)
    return ProgramChecked(**checked.model_dump(), totals=await services.ledger.totals(program))


@router.get("/ledger/check")
async def check_ledger(services: WithServices, person: Checker) -> CheckReport:
    """Compare every balance of all programs with its postings and its lots."""
    return await services.ledger.check()


@router.post("/ledger/seal", response_model=Sealed)
async def seal_ledger(request: Request, services: WithServices, key: Key, person: Checker) -> JSONResponse:
    """Seal now what was written since the last block; it is done by a Schedule too, and twice does no harm."""

    async def act() -> StoredResponse:
        return StoredResponse(200, (await services.ledger.seal()).model_dump(mode="json"))

    return await idempotent(request, services, person, key, act)


@router.get("/ledger/verification")
async def verify_ledger(
    services: WithServices,
    person: Checker,
    after: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    hash: Annotated[str | None, Query(pattern=HASH)] = None,
    blocks: Annotated[int, Query(ge=1, le=_MOST_BLOCKS)] = _BLOCKS,
    noted: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    noted_hash: Annotated[str | None, Query(pattern=HASH)] = None,
) -> VerifyReport:
    """Hash a page of the sealed blocks again, and name every row that is not what was sealed.

    The next page begins `after` the block with the `hash` that this one names in `next`; null is the end. `noted` and
    `noted_hash` are a head of the chain that was kept somewhere else: send them with every page.
    """
    return await services.ledger.verify(
        _head(noted, noted_hash, "noted", "noted_hash"), after=_head(after, hash, "after", "hash"), blocks=blocks
    )


def _head(number: int | None, digest: str | None, number_field: str, digest_field: str) -> Head | None:
    given = both_or_none(number, digest, number_field, digest_field)
    return Head(number=given[0], hash=given[1]) if given else None
