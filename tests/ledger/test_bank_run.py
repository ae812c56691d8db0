"""A bank run: PostgreSQL, or who asks it, is killed in the midst of concurrent requests; what was answered is there once."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import asyncpg
import psutil
import pytest
from sqlalchemy.exc import DBAPIError

from ledger import Ledger, PostingResult
from runtime.database import create_engine
from store.migrate import migrate
from tests.ledger.ledger_client import CALLERS, MEMBERS, Ask, ask, read, requests
from tests.ledger.requests import CURRENCY, PROGRAM, again
from worker.embedded.postgres import EmbeddedPostgres

pytestmark = pytest.mark.processes

GONE = (DBAPIError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What a caller gets to see when the database has gone. Anything else, a conflict of keys above all, fails the test."""


@asynccontextmanager
async def _bank(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder / "data")
    await server.start()
    try:
        await migrate(server.url)
        yield server
    finally:
        await server.stop()


async def _kill(server: EmbeddedPostgres) -> None:
    """Kill the server and each process of its sessions, so that nobody gets to finish what it began."""
    assert server.child is not None
    postmaster = psutil.Process(server.child.pid)
    for process in [postmaster, *postmaster.children()]:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    await server.child.wait()


class _Run:
    """What was asked, and what was answered, over all rounds."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.asked: dict[str, Ask] = {}
        self.answers: dict[str, PostingResult] = {}

    async def round(self, server: EmbeddedPostgres, ledger: Ledger, number: int) -> None:
        """Ask on many connections until the server is killed in the midst of it, and start it again."""
        enough, answered = self.random.randint(100, 300), len(self.answers)
        midst = asyncio.Event()

        async def call(caller: int) -> None:
            random, count = Random(f"{number}/{caller}/{self.random.random()}"), 0
            while True:
                for request in requests(random, f"{number}/{caller}/{count}"):
                    self.asked[request.key] = request
                    try:
                        self.answers[request.key] = await ask(ledger, request)
                    except GONE:
                        return
                count += 1
                if len(self.answers) - answered >= enough:
                    midst.set()

        async def seal() -> None:
            while True:
                try:
                    await ledger.seal()
                except GONE:
                    return

        async with asyncio.TaskGroup() as tasks:
            for caller in range(CALLERS):
                tasks.create_task(call(caller))
            tasks.create_task(seal())
            await midst.wait()
            await _kill(server)
        await server.start()

    async def settle(self, ledger: Ledger) -> None:
        """Every answered request gets its answer again; whoever got none asks again, and gets one."""
        for key, request in self.asked.items():
            answer = await ask(ledger, request)
            if key in self.answers:
                assert answer == again(self.answers[key].model_copy(update={"duplicate": False}))
            self.answers[key] = answer


async def _bank_run(folder: Path, seed: int, rounds: int) -> None:
    async with _bank(folder) as server:
        engine = create_engine(server.url, pool_size=CALLERS + 2)
        ledger, run = Ledger(engine), _Run(seed)
        try:
            for number in range(rounds):
                await run.round(server, ledger, number)
                await engine.dispose()
                unanswered = run.asked.keys() - run.answers.keys()
                assert unanswered, "somebody was left without an answer"
                report = await ledger.check()
                assert report.clean, report.drifts
                await run.settle(ledger)
            await _same_as_answered(ledger, run)
        finally:
            await engine.dispose()


async def _killed_ledger_clients(folder: Path, seed: int, rounds: int) -> None:
    async with _bank(folder) as server:
        engine = create_engine(server.url, pool_size=CALLERS + 2)
        ledger, run = Ledger(engine), _Run(seed)
        try:
            for number in range(rounds):
                await _kill_a_ledger_client(server, run, f"{seed}/{number}")
                assert run.asked.keys() - run.answers.keys(), "somebody was left without an answer"
                report = await ledger.check()
                assert report.clean, report.drifts
                await run.settle(ledger)
            await _same_as_answered(ledger, run)
        finally:
            await engine.dispose()


async def _kill_a_ledger_client(server: EmbeddedPostgres, run: _Run, name: str) -> None:
    """Have a process of its own ask, and kill it in the midst of it; what it asked, and what it was answered."""
    ledger_client = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.ledger.ledger_client", server.url, name, stdout=PIPE
    )
    assert ledger_client.stdout is not None
    enough, answered = run.random.randint(100, 300), 0
    killed = False
    async for line in ledger_client.stdout:
        if not line.endswith(b"\n"):
            break  # the last word of one who was killed
        said = json.loads(line)
        if "answer" in said:
            answered += 1
            run.answers[said["key"]] = PostingResult.model_validate(said["answer"])
        else:
            run.asked[said["key"]] = read(said)
        if answered == enough and not killed:
            ledger_client.kill()
            killed = True
    assert killed, "the clerk ended by itself"
    await ledger_client.wait()


async def _same_as_answered(ledger: Ledger, run: _Run) -> None:
    """The ledger has what the answers say, and nothing else."""
    balances: Counter[str] = Counter()
    for key, answer in run.answers.items():
        if answer.outcome == "posted" and answer.kind != "hold":
            balances[run.asked[key].participant] += answer.points if answer.kind == "earn" else -answer.points
    for member in MEMBERS:
        assert (await ledger.balance(PROGRAM, member, CURRENCY)).posted == balances[member]
    assert len({answer.txn_id for answer in run.answers.values()}) == len(run.answers)
    report = await ledger.check()
    assert report.clean, report.drifts
    await ledger.seal()
    verified = await ledger.verify()
    assert (verified.misfits, verified.unsealed) == ((), 0)


async def test_what_was_answered_before_a_kill_is_there_exactly_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    await _bank_run(tmp_path_factory.mktemp("bank"), seed=1, rounds=2)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 5))
async def test_what_was_answered_before_many_kills_is_there_exactly_once(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    await _bank_run(tmp_path_factory.mktemp("bank"), seed=seed, rounds=15)


async def test_what_a_killed_process_was_answered_is_there_exactly_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    await _killed_ledger_clients(tmp_path_factory.mktemp("bank"), seed=1, rounds=2)


@pytest.mark.long
async def test_what_many_killed_processes_were_answered_is_there_exactly_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    await _killed_ledger_clients(tmp_path_factory.mktemp("bank"), seed=2, rounds=15)
