"""What is of one program is there for those who have a role in it, and for nobody else: in lists, by address, by reference."""

from collections.abc import Callable
from typing import Any

import pytest
from httpx import Response

from tests.api.sample_program import SampleProgram, Waiting, problem
from tests.stack import ISSUER, Stack

Ask = Callable[..., Any]


@pytest.fixture
def ask(stack: Stack) -> Ask:
    """Asks as somebody with these roles."""

    async def asked(roles: list[str], method: str, path: str, body: Any = None, key: str = "sees") -> Response:
        token = ISSUER.token(f"with-{'-'.join(roles)}".replace("@", "-"), "Somebody", roles)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"{key}-{path}"}
        return await stack.http.request(method, path, json=body, headers=headers)

    return asked


async def test_an_approver_of_one_program_sees_nothing_of_another(
    sample_program: SampleProgram, pool: SampleProgram, ask: Ask
) -> None:
    mine = [f"finance@{sample_program.program}"]
    listed = (await ask(mine, "GET", "/programs")).json()["items"]
    assert [each["id"] for each in listed] == [sample_program.program]
    assert (await ask(mine, "GET", f"{sample_program.path}/report")).status_code == 200
    seen = (await ask(mine, "GET", "/gates?open=false")).json()["items"]
    assert seen and {each["subject"]["program"] for each in seen} == {sample_program.program}
    assert (await ask(mine, "GET", f"/gates?open=false&program={pool.program}")).json()["items"] == []
    of_pool = (await ask(["finance"], "GET", f"/gates?open=false&program={pool.program}")).json()["items"]
    gate = of_pool[0]["id"]
    for path, known, nowhere in (
        (f"{pool.path}/report", pool.program, "nowhere"),
        (f"{pool.path}/members/anybody/balance", pool.program, "nowhere"),
        (f"/gates/{gate}", pool.program, "nowhere"),
    ):
        hidden = await ask(mine, "GET", path)
        missing = await ask(["finance"], "GET", path.replace(known, nowhere))
        assert hidden.status_code == missing.status_code == 404
        # Word for word what is said of what is not there.
        assert hidden.text.replace(known, nowhere) == missing.text


async def test_a_vote_counts_by_the_roles_that_hold_for_the_gates_program(waiting: Waiting, ask: Ask) -> None:
    vote = {"answer": "approve", "digest": waiting.digest}
    path = f"/gates/{waiting.gate}/decisions"
    problem(await ask(["marketing@elsewhere"], "POST", path, vote), 404, "gate_unknown")
    elsewhere = [f"operations@{waiting.program}", "marketing@elsewhere"]
    problem(await ask(elsewhere, "POST", path, vote), 403, "role_not_asked")
    problem(await ask(elsewhere, "POST", path, vote | {"role": "marketing"}, "as"), 403, "role_not_asked")
    here = [f"marketing@{waiting.program}"]
    waits = (await ask(here, "GET", "/gates?mine=true")).json()["items"]
    assert [each["id"] for each in waits] == [waiting.gate]
    assert (await ask([f"operations@{waiting.program}"], "GET", "/gates?mine=true")).json()["items"] == []
    counted = await ask(here, "POST", path, vote)
    assert counted.status_code == 201, counted.text


@pytest.fixture
async def waiting(begin: Callable[[], Any]) -> Waiting:
    found: Waiting = await begin()
    return found


async def test_a_program_is_started_by_who_owns_it_or_all(sample_program: SampleProgram, ask: Ask) -> None:
    definition = sample_program.definition.model_dump(mode="json")
    found = problem(await ask(["product_owner@elsewhere"], "POST", "/programs", definition), 403, "not_allowed")
    assert f"start a program ({sample_program.program})" in found["detail"]
    unknown = await ask(["product_owner@elsewhere"], "POST", "/programs", definition | {"program": "never-begun"}, "never")
    assert unknown.status_code == 403  # whether there is such a program is not told
    problem(await ask([f"product_owner@{sample_program.program}"], "POST", "/programs", definition), 409, "program_exists")


async def test_a_prototype_is_shown_to_who_sees_its_program(sample_program: SampleProgram, ask: Ask) -> None:
    command = {"definition": {"program": sample_program.program, "revision": 1}}
    mine, others = [f"analyst@{sample_program.program}"], ["analyst@elsewhere"]
    problem(await ask(others, "POST", "/prototypes", command), 404, "program_unknown")
    problem(await ask([f"finance@{sample_program.program}"], "POST", "/prototypes", command), 403, "not_allowed")
    by_text = {
        "definition": sample_program.definition.model_dump_json(),
        "log": sample_program.definition.prototype.transactions,
    }
    problem(await ask(others, "POST", "/prototypes", by_text, "text"), 403, "not_allowed")
    begun = await ask(mine, "POST", "/prototypes", command)
    assert begun.status_code == 202, begun.text
    place = begun.headers["Location"]
    assert (await ask(mine, "GET", place)).json()["state"] in ("running", "done")
    hidden = await ask(others, "GET", place)
    missing = await ask(others, "GET", f"/prototypes/{'0' * 32}")
    problem(hidden, 404, "prototype_unknown")
    assert hidden.text.replace(begun.json()["id"], "0" * 32) == missing.text
    problem(await ask(others, "GET", f"{place}/comparison/{begun.json()['id']}"), 404, "prototype_unknown")


async def test_what_is_about_all_programs_takes_a_role_for_all(sample_program: SampleProgram, ask: Ask) -> None:
    for method, path in (("GET", "/ledger/check"), ("GET", "/ledger/verification"), ("POST", "/ledger/seal")):
        problem(await ask([f"finance@{sample_program.program}"], method, path), 403, "not_allowed")
        assert (await ask(["finance"], method, path)).status_code == 200
    assert (await ask([f"finance@{sample_program.program}"], "GET", f"{sample_program.path}/ledger-check")).status_code == 200
