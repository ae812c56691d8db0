"""The audit trail over HTTP: page by page, verified, and as a dossier of everything that was decided."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from domain.audit.chain import EVERYWHERE, AuditEntry, Fact, entry_hash
from store.audit import trail
from tests.api.sample_program import SampleProgram, Waiting, problem
from tests.stack import Stack
from tests.waiting import approve, stage_reached

READER = "demo-finance"
Begin = Callable[[], Awaitable[Waiting]]


async def test_a_life_leaves_its_trail(sample_program: SampleProgram, stack: Stack) -> None:
    first, second, *others = await _entries(stack, sample_program.program, 200)
    assert (first["action"], first["actor"], first["details"]) == (
        "program_started",
        "demo-owner",
        {"name": sample_program.definition.name},
    )
    assert (second["action"], second["about"], second["details"]["revision"]) == ("revision_submitted", "r1", 1)
    votes = [(entry["actor"], entry["role"], entry["details"]["answer"]) for entry in others if entry["action"] == "vote"]
    assert ("demo-marketing", "marketing", "approve") in votes
    assert ("demo-legal", "legal", "approve") in votes


async def test_pages_follow_one_another_and_what_they_show_proves_itself(sample_program: SampleProgram, stack: Stack) -> None:
    entries = await _entries(stack, sample_program.program, 2)
    assert entries == await _entries(stack, sample_program.program, 200)
    read = [AuditEntry.model_validate(entry) for entry in entries]
    assert [entry_hash(entry) for entry in read] == [entry.hash for entry in read]
    found = await stack.get(f"{sample_program.path}/audit/verification", READER)
    assert (found["sound"], found["entries"], found["misfit"], found["next"]) == (True, len(entries), None, None)
    assert found["head"] == {"number": len(entries), "hash": entries[-1]["hash"]}
    page = await stack.get(f"{sample_program.path}/audit/verification?entries=3", READER)
    after = f"after={page['next']['number']}&hash={page['next']['hash']}"
    rest = await stack.get(f"{sample_program.path}/audit/verification?{after}", READER)
    assert (rest["entries"], rest["head"]) == (len(entries) - 3, found["head"])
    wrong = await stack.get(f"{sample_program.path}/audit/verification?noted=2&noted_hash={'0' * 64}", READER)
    assert wrong["misfit"] == {"number": 2, "problem": "changed"}


async def test_a_gates_part_of_the_trail_can_be_asked_for(sample_program: SampleProgram, stack: Stack) -> None:
    gate = f"program/{sample_program.program}/r1/gate/launch/1"
    found = await stack.get(f"{sample_program.path}/audit?about={gate}", READER)
    assert {entry["about"] for entry in found["items"]} == {gate}
    assert {entry["actor"] for entry in found["items"] if entry["action"] == "vote"} == {"demo-finance", "demo-legal"}


async def test_what_concerns_no_program_has_a_chain_of_its_own(sample_program: SampleProgram, stack: Stack) -> None:
    async with stack.engine.begin() as connection:
        fact = Fact(program=EVERYWHERE, at=datetime.now(UTC), action="api_key_made", actor="demo-operator", about="a-key")
        written = await trail.append(connection, fact)
    page = await stack.get("/audit?about=a-key&limit=200", READER)
    assert written.number in [entry["number"] for entry in page["items"]]
    assert (await stack.get("/audit/verification", READER))["sound"]


async def test_what_is_asked_for_wrongly_is_told_by_its_field(sample_program: SampleProgram, stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {READER}"}
    for query, field in (
        ("audit?limit=0", "query.limit"),
        ("audit?limit=201", "query.limit"),
        ("audit/verification?after=1", "hash"),
        (f"audit/verification?noted_hash={'0' * 64}", "noted"),
        ("audit/verification?noted=1&noted_hash=abc", "query.noted_hash"),
        ("audit/verification?entries=0", "query.entries"),
        ("audit/export?format=pdf", "query.format"),
    ):
        found = problem(await stack.http.get(f"{sample_program.path}/{query}", headers=headers), 422, "invalid_request")
        assert found["field"] == field
    problem(await stack.http.get(f"{sample_program.path}/audit?cursor=x", headers=headers), 422, "cursor_invalid")
    for path in ("audit", "audit/verification", "audit/export"):
        problem(await stack.http.get(f"/programs/nowhere/{path}", headers=headers), 404, "program_unknown")


async def test_the_dossier_has_each_decision_with_what_it_rests_on(sample_program: SampleProgram, stack: Stack) -> None:
    found = await stack.get(f"{sample_program.path}/audit/export", READER)
    assert found["verification"]["sound"]
    assert found["people"]["demo-legal"] == "Demo Legal"
    assert found["trail"] == await _entries(stack, sample_program.program, 200)
    strategy, *_, launch = [gate for gate in found["gates"] if gate["state"]["gate"] in ("strategy", "launch")]
    assert strategy["evidence"]["prototype"] is None, "there was none when the concept was decided"
    assert strategy["evidence"]["tests"] == []
    assert launch["state"]["subject"]["digest"] == launch["evidence"]["digest"] == found["revisions"][0]["digest"]
    assert launch["state"]["outcome"] == "approved"
    assert launch["evidence"]["prototype"]["passed"]
    assert launch["evidence"]["prototype"]["result"]["figures"]["members"] is not None
    assert {test["phase"] for test in launch["evidence"]["tests"]} >= {"readiness"}
    assert launch["evidence"]["edited_by"] == ["demo-owner"]
    assert (launch["evidence"]["compared_with"], launch["evidence"]["differences"]) == (None, [])
    assert {entry["actor"] for entry in launch["trail"] if entry["action"] == "vote"} == {"demo-finance", "demo-legal"}


async def test_the_dossier_tells_refused_votes_and_what_a_further_revision_changed(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    nasty = "<script>alert(1)</script> & more"
    assert (await waiting.vote("demo-owner", reason=nasty)).status_code == 403
    assert (await waiting.vote("demo-finance", "request_changes", reason=f"Halve it {nasty}")).status_code == 201
    await stage_reached(stack, waiting.program, "development")
    second = waiting.definition.model_copy(update={"name": "<b>Renamed</b>"})
    changed = second.model_dump(mode="json")
    changed["rewards"][0]["points"] += 1
    answer = await stack.post(f"/programs/{waiting.program}/revisions", changed)
    assert answer.status_code == 201, answer.text
    await approve(stack, f"program/{waiting.program}/r2/gate/strategy/1", "demo-finance", "demo-marketing")

    found = await stack.get(f"/programs/{waiting.program}/audit/export", READER)
    one, two = (gate for gate in found["gates"] if gate["state"]["gate"] == "strategy")
    (refused,) = [entry for entry in one["trail"] if entry["refusal"]]
    assert (refused["actor"], refused["refusal"], refused["details"]["reason"]) == ("demo-owner", "four_eyes", nasty)
    assert (two["evidence"]["compared_with"], two["evidence"]["mark"]) == (1, "substantial")
    assert any("now costs" in each["told"] for each in two["evidence"]["differences"])

    headers = {"Authorization": f"Bearer {READER}"}
    page = await stack.http.get(f"/programs/{waiting.program}/audit/export?format=html", headers=headers)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    read = _Reader()
    read.feed(page.text)
    text = " ".join(" ".join(read.texts).split())
    assert not read.loads, "the page stands by itself"
    assert "script" not in read.tags
    for summary in (
        "The audit trail is sound",
        "Demo Owner (demo-owner)",
        "refused: four eyes",
        nasty,
        "Compared with revision 1",
        "now costs",
        one["state"]["subject"]["digest"],
        "<b>Renamed</b>",
        found["trail"][0]["hash"][:16],
    ):
        assert summary in text, summary


async def _entries(stack: Stack, program: str, limit: int) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    following = ""
    while True:
        page = await stack.get(f"/programs/{program}/audit?limit={limit}{following}", READER)
        assert len(page["items"]) <= limit
        entries += page["items"]
        if page["next"] is None:
            return entries
        following = f"&cursor={page['next']}"


class _Reader(HTMLParser):
    """What a browser would show of a page, and what it would load for it."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href") and value]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
