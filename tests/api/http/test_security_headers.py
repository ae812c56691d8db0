"""Headers that every answer carries: what is personal is kept nowhere, and nothing runs in a browser but the pages' own."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest
from fastapi import FastAPI, Response
from httpx import AsyncClient

from tests.api.http.test_away import app, http
from tests.serving import served
from tests.stack import Stack

__all__ = ["app", "http"]
ANSWERS = [("/programs", "demo-owner", 200), ("/programs", None, 401), ("/nowhere", None, 404), ("/broken", None, 500)]


@pytest.mark.parametrize(("path", "person", "status"), ANSWERS)
async def test_every_answer_says_what_a_browser_may_make_of_it(
    app: FastAPI, http: AsyncClient, path: str, person: str | None, status: int
) -> None:
    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("nobody foresaw this")

    response = await http.get(path, headers={"Authorization": f"Bearer {person}"} if person else {})
    assert response.status_code == status
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "Strict-Transport-Security" not in response.headers


async def test_behind_https_a_browser_is_told_to_stay_there(http: AsyncClient) -> None:
    response = await http.get("https://tenure/health")
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Cache-Control" not in response.headers


async def test_what_a_route_says_itself_stays(app: FastAPI, http: AsyncClient) -> None:
    @app.get("/kept")
    async def kept() -> Response:
        return Response(headers={"Cache-Control": "private, no-cache"})

    assert (await http.get("/kept")).headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
async def test_the_pages_of_documentation_may_run_what_they_need_and_no_more(http: AsyncClient, path: str) -> None:
    page = await http.get(path)
    assert page.status_code == 200
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    inline = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    assert len(inline) == page.text.count("<script>")
    for script in inline:
        assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy["script-src"].split()
    assert "unsafe" not in policy["script-src"]
    for source in re.findall(r'<script src="(https?://[^/"]+)', page.text):
        assert source in policy["script-src"].split()
    for source in re.findall(r'<link[^>]* href="(https?://[^/"]+)', page.text):
        assert source in policy["style-src"].split() or source in policy["img-src"] or "https:" in policy["img-src"]
    assert policy["default-src"] == "'none'"
    assert policy.get("connect-src") == "'self'"


async def test_no_answer_names_the_server(stack: Stack, app: FastAPI) -> None:
    async with served(app) as address, AsyncClient() as http:
        for path in ("/health", "/programs"):
            assert "Server" not in (await http.get(f"{address}{path}")).headers
