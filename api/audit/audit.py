"""The audit trail: who decided what, whether it is still what was written, and a program's dossier to keep elsewhere."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import HTMLResponse

from api.audit import dossier_page
from api.audit.chain_head import HASH, both_or_none
from api.auth.authorization import Caller, require
from api.http.dependencies import Services, WithServices
from api.http.pagination import Page, Paged, Paging
from api.http.rate_limits import Rates, rates_of
from api.http.read_retry import RetryReadRoute
from domain.audit.chain import EVERYWHERE, AuditEntry, AuditHead
from domain.model import CAN_BE_KEPT, Value
from pages.frame import POLICY
from services.audit import dossiers
from services.audit.dossiers import Dossier
from store.audit import trail
from store.audit.trail import AuditVerification
from store.programs import programs

router = APIRouter(tags=["audit"], route_class=RetryReadRoute, dependencies=[Depends(require("read the audit trail"))])

_MOST_ENTRIES = 10_000
"""Entries in one page of a verification, so that no request takes minutes."""
_LARGEST = 2**63 - 1
_PAGES: Any = {200: {"model": Dossier, "content": {"text/html": {}}, "description": "As JSON, or as a page for people."}}


async def _spend(principal: Caller, rates: Annotated[Rates, Depends(rates_of)]) -> None:
    await rates.spend("audit", principal.id)


_EXPENSIVE = Depends(_spend)
Number = Annotated[int | None, Query(ge=1, le=_LARGEST)]
Hash = Annotated[str | None, Query(pattern=HASH)]


class Asked(Value):
    """Which part of a chain is to be verified: behind which entry, how many, and with which head that was noted elsewhere."""

    after: AuditHead | None
    noted: AuditHead | None
    most: int


async def asked(
    after: Number = None,
    hash: Hash = None,
    noted: Number = None,
    noted_hash: Hash = None,
    entries: Annotated[int, Query(ge=1, le=_MOST_ENTRIES)] = _MOST_ENTRIES,
) -> Asked:
    """The next page begins `after` the entry with the `hash` that the one before names in `next`; null is the end. `noted` and
    `noted_hash` are a head of the chain that was kept somewhere else: send them with every page. Raises InvalidRequest.
    """
    return Asked(after=_head(after, hash, "after", "hash"), noted=_head(noted, noted_hash, "noted", "noted_hash"), most=entries)


@router.get("/programs/{program}/audit")
async def list_audit(
    program: str, services: WithServices, paged: Paged, about: Annotated[str | None, CAN_BE_KEPT] = None
) -> Page[AuditEntry]:
    """A program's trail: what was decided and done, by whom, the newest last; `about` leaves what concerns one gate."""
    await _known(services, program)
    return await _page(services, program, paged, about)


@router.get("/programs/{program}/audit/verification", dependencies=[_EXPENSIVE])
async def verify_audit(program: str, services: WithServices, wanted: Annotated[Asked, Depends(asked)]) -> AuditVerification:
    """Hash a page of the program's trail again, and name the first entry that is not what was written."""
    await _known(services, program)
    return await trail.verify(services.engine, program, noted=wanted.noted, after=wanted.after, most=wanted.most)


@router.get("/programs/{program}/audit/export", dependencies=[_EXPENSIVE], response_model=Dossier, responses=_PAGES)
async def export_audit(program: str, services: WithServices, format: Literal["json", "html"] = "json") -> Response:
    """Everything decided about a program: each gate with its subject, policy, votes, refused ones and evidence."""
    found = await dossiers.dossier(services.engine, program, datetime.now(UTC))
    if format == "html":
        return HTMLResponse(dossier_page.page(found), headers={"Content-Security-Policy": POLICY})
    return Response(found.model_dump_json(), media_type="application/json")


@router.get("/audit")
async def list_audit_everywhere(
    services: WithServices, paged: Paged, about: Annotated[str | None, CAN_BE_KEPT] = None
) -> Page[AuditEntry]:
    """The trail of what concerns no single program, such as keys of the API, the newest last."""
    return await _page(services, EVERYWHERE, paged, about)


@router.get("/audit/verification", dependencies=[_EXPENSIVE])
async def verify_audit_everywhere(services: WithServices, wanted: Annotated[Asked, Depends(asked)]) -> AuditVerification:
    """Hash a page of that trail again, and name the first entry that is not what was written."""
    return await trail.verify(services.engine, EVERYWHERE, noted=wanted.noted, after=wanted.after, most=wanted.most)


async def _known(services: Services, program: str) -> None:
    """Raises ProgramUnknown."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)


async def _page(services: Services, program: str, paged: Paging, about: str | None) -> Page[AuditEntry]:
    (after,) = paged.after(int) or (0,)
    async with services.engine.connect() as connection:
        found = await trail.listed(connection, program, after=after, limit=paged.one_more, about=about)
    return paged.page(found, lambda entry: (entry.number,))


def _head(number: int | None, digest: str | None, number_field: str, digest_field: str) -> AuditHead | None:
    given = both_or_none(number, digest, number_field, digest_field)
    return AuditHead(number=given[0], hash=given[1]) if given else None
