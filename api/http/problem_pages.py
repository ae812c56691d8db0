"""What `type` of a problem leads to: a page for each code, open to everybody, made from the error classes themselves."""

import json
import sys
from collections.abc import Iterable
from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

import api.http.problem_sources  # noqa: F401 (so that the registry knows every code)
from api.http.errors import ProblemUnknown
from api.http.negotiation import prefers_html
from api.http.openapi import Responses, raises, together
from api.http.problem_examples import example
from api.http.statuses import status_of
from domain.error_registry import known
from domain.errors import TenureError
from domain.model import Value

router = APIRouter(prefix="/problems", tags=["problems"])

_HEAD = """\
# Problems

Every error is answered as a problem document (RFC 9457, `application/problem+json`). Its `code` never changes, `detail` says
what is wrong this time and `remedy` what to do; `field` names the input at fault, `errors` every field where there are several.
The API itself tells the same at `/problems`, and of one code at `/problems/{code}`, which is the problem's `type`.

This page is made from the error classes by `make reference`.
"""
_BOTH: Responses = {200: {"content": {"text/html": {"schema": {"type": "string"}}}, "description": "For people, or as JSON."}}


class ProblemKind(Value):
    """One code: when it is answered, with which status, what to do, and an example of the document."""

    code: str
    status: int
    title: str
    meaning: str
    remedy: str
    example: dict[str, Any]


class ProblemKinds(Value):
    """Every code that the API answers."""

    items: list[ProblemKind]


def kind(code: str) -> ProblemKind:
    """What there is to say of a code. Raises ProblemUnknown."""
    found = known().get(code)
    if found is None:
        raise ProblemUnknown(code)
    return _to_response(found)


def page() -> str:
    """The reference of all problems, in Markdown."""
    rows = "".join(
        f"| `{each.code}` | {each.status} | {each.title}. {_cell(each.meaning)} | {_cell(each.example['detail'])} "
        f"*{_cell(each.remedy)}* |\n"
        for each in _all()
    )
    return f"{_HEAD}\n| code | status | meaning | for example, *and what to do* |\n| --- | --- | --- | --- |\n{rows}"


@router.get("", response_model=ProblemKinds, responses=_BOTH)
async def list_problems(request: Request) -> Response:
    """Every problem that the API answers with, by code."""
    if prefers_html(request):
        entries = "".join(
            f'<li><a href="/problems/{each.code}"><code>{each.code}</code></a> ({each.status}): {escape(each.title)}</li>'
            for each in _all()
        )
        return _html("Problems", f"<ul>{entries}</ul>")
    return JSONResponse(ProblemKinds(items=list(_all())).model_dump(mode="json"))


@router.get("/{code}", response_model=ProblemKind, responses=together(_BOTH, raises(ProblemUnknown)))
async def show_problem(code: Annotated[str, Path(max_length=100)], request: Request) -> Response:
    """One problem: what it means, what to do, and an example."""
    found = kind(code)
    if prefers_html(request):
        document = escape(json.dumps(found.example, indent=2, ensure_ascii=False))
        text = (
            f"<p>{escape(found.meaning)}</p><h2>Status</h2><p>{found.status}</p>"
            f"<h2>What to do</h2><p>{escape(found.remedy)}</p>"
            f'<h2>Example</h2><pre>{document}</pre><p><a href="/problems">All problems</a></p>'
        )
        return _html(f"{found.title} ({found.code})", text)
    return JSONResponse(found.model_dump(mode="json"))


def _all() -> Iterable[ProblemKind]:
    return (_to_response(found) for found in known().values())


def _to_response(found: type[TenureError]) -> ProblemKind:
    document = example(found)
    return ProblemKind(
        code=found.code,
        status=status_of(found),
        title=found.title,
        meaning=" ".join((found.__doc__ or found.title).split()),
        remedy=document["remedy"],
        example=document,
    )


def _html(title: str, body: str) -> HTMLResponse:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return HTMLResponse(f'<!doctype html><html lang="en"><head>{head}</head><body><h1>{escape(title)}</h1>{body}</body></html>')


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
