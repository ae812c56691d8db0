"""The ledger's books over HTTP: the check of the whole, sealing now, and the verification page by page."""

from tests.api.sample_program import SampleProgram, problem
from tests.stack import Stack

CHECKER = "demo-analyst"


async def test_the_whole_ledger_is_checked(sample_program: SampleProgram, stack: Stack) -> None:
    await sample_program.event(await sample_program.member())
    whole = await stack.get("/ledger/check", CHECKER)
    mine = await stack.get(f"{sample_program.path}/ledger-check", CHECKER)
    assert whole["clean"], whole["drifts"]
    assert whole["postings"] >= mine["postings"] > 0


async def test_what_is_sealed_is_verified_page_by_page(sample_program: SampleProgram, stack: Stack) -> None:
    member = await sample_program.member()
    for _ in range(3):
        await sample_program.event(member)
        sealed = await stack.post("/ledger/seal", person=CHECKER)
        assert (sealed.status_code, sealed.json()["held_back_by"]) == (200, 0), sealed.text
    assert sealed.json()["blocks"] >= 1
    again = await stack.post("/ledger/seal", person=CHECKER)
    assert again.json()["head"]["number"] >= sealed.json()["head"]["number"]

    head, blocks = sealed.json()["head"], 0
    page = await stack.get("/ledger/verification?blocks=1", CHECKER)
    while page["next"]:
        assert (page["clean"], page["blocks"]) == (True, 1)
        blocks += 1
        after = f"after={page['next']['number']}&hash={page['next']['hash']}"
        page = await stack.get(f"/ledger/verification?{after}&noted={head['number']}&noted_hash={head['hash']}", CHECKER)
        assert page["clean"], page["misfits"]
    assert page["chain"] == page["head"]["number"] >= 3

    wrong = await stack.get(f"/ledger/verification?noted={head['number']}&noted_hash={'0' * 64}", CHECKER)
    assert wrong["misfits"] == [{"block": head["number"], "row": f"seal {head['number']}", "problem": "changed"}]


async def test_half_a_head_and_pages_of_no_size_are_told_by_their_field(stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {CHECKER}"}
    for query, field in (
        ("after=1", "hash"),
        (f"hash={'0' * 64}", "after"),
        ("noted=1", "noted_hash"),
        (f"noted_hash={'0' * 64}", "noted"),
        ("after=1&hash=abc", "query.hash"),
        ("after=0", "query.after"),
        ("blocks=0", "query.blocks"),
        ("blocks=1000", "query.blocks"),
    ):
        found = problem(await stack.http.get(f"/ledger/verification?{query}", headers=headers), 422, "invalid_request")
        assert found["field"] == field
