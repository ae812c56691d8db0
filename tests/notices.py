"""What tests of notices share: a gate to tell of, a mail server, and a receiver of webhooks; both are real."""

import asyncio
import base64
import hmac
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.gates.state import GateState, Subject
from domain.notices.gate_notices import Addressee, GateNotice, GateNoticeKind, Routing, notice_id
from runtime.notices_file import MailServer, Webhook
from store.gates import gates
from store.notices import notices
from store.notices.notices import NoticeRecord
from store.programs import programs
from tests.anchors import AT
from tests.serving import served
from tests.stack import example, first_revision, program_id

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
LOG = Addressee(channel="log", recipient="log")
TOLERANCE = 300
"""Seconds by which a receiver lets a signature's time differ from its own."""


def a_gate(program: str = "club", **changes: Any) -> GateState:
    """A gate that waits for marketing and finance."""
    revision = first_revision(example("starbucks.yaml", program), AT)
    state = GateState(
        id=f"program/{program}/r1/gate/strategy/1",
        gate="strategy",
        round=1,
        subject=Subject(kind="revision", program=program, revision=1, title="Club: the concept", digest=revision.digest),
        policy=revision.definition.gates.strategy,
        excluded=revision.editors,
        opened_at=AT,
        due=AT.replace(month=4),
    )
    return state.model_copy(update=changes)


def gate_notice(state: GateState, kind: GateNoticeKind = "requested", **more: Any) -> GateNotice:
    return GateNotice(kind=kind, state=state, at=AT, **more)


def routing(*addressees: Addressee) -> Routing:
    return Routing(addressees=addressees, public_url="https://tenure.example.org")


async def posted(
    engine: AsyncEngine,
    *addressees: Addressee,
    program: str | None = None,
    kind: GateNoticeKind = "requested",
    number: int = 1,
    dead: bool = False,
) -> list[NoticeRecord]:
    """Notices of a gate that is stored, as they wait; or `dead`, as if they could not be delivered."""
    state = a_gate(program or program_id("told"))
    notice = gate_notice(state, kind, number=number)
    to = routing(*addressees)
    async with engine.begin() as connection:
        await programs.register(connection, first_revision(example("starbucks.yaml", state.subject.program), AT))
        await gates.save(connection, state)
        await notices.post(connection, notice, to)
        made = [notice_id(state.id, kind, number, *each) for each in to.of(notice.roles, state.subject.program)]
        if dead:
            for each in made:
                await notices.settle(connection, each, 1, "dead", AT, error="The log is full.")
        return [await notices.find(connection, each) for each in made]


async def found(engine: AsyncEngine, notice: NoticeRecord) -> NoticeRecord:
    """The notice as it stands now."""
    async with engine.connect() as connection:
        return await notices.find(connection, notice.id)


class MailBox:
    """A mail server's memory; `answers` are what it says to the next mails instead of taking them."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.recipients: list[str] = []
        self.answers: list[str] = []
        self.hangs_up = False
        """Whether the server takes mails, but is gone at the farewell."""
        self.server = MailServer(host="127.0.0.1", port=0, tls="none", sender="tenure@example.org")

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address.startswith("nobody@"):
            return f"550 5.1.1 <{address}> is not here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.mails.append(envelope.original_content or b"")
        self.recipients += envelope.rcpt_tos
        return self.answers.pop(0) if self.answers else "250 taken"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.hangs_up:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return "221 bye"


@asynccontextmanager
async def mail_server(
    *, user: str = "", password: str = "", certificate: ssl.SSLContext | None = None
) -> AsyncIterator[MailBox]:
    """A mail server, which lets in who has this password, or anybody; with a certificate it asks for TLS."""
    box = MailBox()

    def let_in(server: Any, session: Any, envelope: Any, mechanism: str, said: Any) -> AuthResult:
        return AuthResult(success=(said.login, said.password) == (user.encode(), password.encode()), handled=False)

    def talk() -> SMTP:
        return SMTP(
            box,
            hostname="localhost",
            tls_context=certificate,
            require_starttls=certificate is not None,
            auth_required=bool(user),
            auth_require_tls=certificate is not None,
            authenticator=let_in,
        )

    server = await asyncio.get_running_loop().create_server(talk, "localhost", 0, family=socket.AF_INET)
    port = server.sockets[0].getsockname()[1]
    box.server = MailServer("localhost", port, "starttls" if certificate else "none", "tenure@example.org")
    try:
        yield box
    finally:
        server.close()


class Receiver:
    """A receiver of webhooks, which verifies what comes as any receiver would; `answers` are its next statuses, then 204."""

    def __init__(self) -> None:
        self.address = ""
        self.answers: list[int] = []
        self.requests: list[tuple[Mapping[str, str], bytes]] = []

    @property
    def webhook(self) -> Webhook:
        return Webhook(url=self.address, key=KEY)

    @property
    def bodies(self) -> set[bytes]:
        return {body for _, body in self.requests}

    @property
    def ids(self) -> set[str]:
        return {headers["webhook-id"] for headers, _ in self.requests}

    async def take(self, request: Request) -> Response:
        self.requests.append((dict(request.headers), await request.body()))
        return Response(status_code=self.answers.pop(0) if self.answers else 204)


@asynccontextmanager
async def webhook_receiver() -> AsyncIterator[Receiver]:
    """The receiver, on a port of its own, as long as the block lasts."""
    receiver = Receiver()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield

    async with served(Starlette(routes=[Route("/hook", receiver.take, methods=["POST"])], lifespan=lifespan)) as address:
        receiver.address = f"{address}/hook"
        yield receiver


def verified(headers: Mapping[str, str], body: bytes, key: bytes = KEY) -> bool:
    """Whether a request is signed with the key and recent, by the Standard Webhooks specification."""
    signed = b"%s.%s.%s" % (headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body)
    expected = "v1," + base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
    recent = abs(time.time() - int(headers["webhook-timestamp"])) < TOLERANCE
    return recent and any(hmac.compare_digest(expected, each) for each in headers["webhook-signature"].split(" "))
