"""The channels, to real servers: what arrives, what is tried again, and what is given up at once."""

import email
import email.policy
import json
import logging
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from httpx import AsyncClient
from pydantic import SecretStr

from activities.notices.channels import DeliveryFailed, Log, Mail, NoticeChannel, Webhooks, channels_of
from domain.notices.gate_notices import payload, written
from runtime.notices_file import Webhook, logged_alone
from store.notices.notices import NoticeRecord
from tests.anchors import ALWAYS, AT
from tests.notices import KEY, a_gate, gate_notice, mail_server, verified, webhook_receiver


def _notice(channel: str, recipient: str, title: str = "Club: the concept") -> NoticeRecord:
    state = a_gate()
    notice = gate_notice(state.model_copy(update={"subject": state.subject.model_copy(update={"title": title})}))
    words = written(notice, "https://tenure.example.org")
    body = payload(notice, words, "https://tenure.example.org") if channel == "webhook" else words.body
    return NoticeRecord.model_validate(
        {
            "number": 1,
            "id": "0123456789abcdef0123456789abcdef",
            "program": "club",
            "gate": state.id,
            "kind": "requested",
            "channel": channel,
            "recipient": recipient,
            "subject": words.subject,
            "body": body,
            "state": "waiting",
            "round": 1,
            "attempts": 1,
            "last_error": None,
            "created_at": AT,
            "settled_at": None,
        }
    )


async def _failure(channel: NoticeChannel, notice: NoticeRecord) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        await channel.send(notice)
    return caught.value


async def test_a_mail_says_what_the_notice_says_and_is_the_same_at_each_attempt() -> None:
    notice = _notice("mail", "finance@example.org", title="Café “Größe”: the concept of a club with a long name " * 3)
    async with mail_server() as box:
        await Mail(box.server).send(notice)
        await Mail(box.server).send(notice)
    assert box.recipients == ["finance@example.org"] * 2
    assert box.mails[0] == box.mails[1]
    mail = email.message_from_bytes(box.mails[0], policy=email.policy.default)
    assert mail["Subject"] == notice.subject
    assert mail["Message-ID"] == f"<{notice.id}@example.org>"
    assert mail["Date"].datetime == AT
    assert mail["From"] == "tenure@example.org"
    assert mail.get_content().replace("\r\n", "\n") == notice.body


async def test_a_mail_that_was_taken_is_not_failed_by_a_server_that_hangs_up() -> None:
    async with mail_server() as box:
        box.hangs_up = True
        await Mail(box.server).send(_notice("mail", "finance@example.org"))
    assert len(box.mails) == 1


@pytest.mark.parametrize(
    ("answer", "permanent"), [("451 later", False), ("452 full", False), ("550 never", True), ("554 spam", True)]
)
async def test_a_mail_that_the_server_will_never_take_is_given_up(answer: str, permanent: bool) -> None:
    async with mail_server() as box:
        box.answers = [answer]
        failure = await _failure(Mail(box.server), _notice("mail", "finance@example.org"))
    assert (failure.permanent, failure.reason) == (permanent, f"The mail server answered {answer[:3]}.")
    assert answer[4:] in failure.said


async def test_an_address_that_is_not_there_is_given_up_and_named_in_the_store_alone() -> None:
    async with mail_server() as box:
        failure = await _failure(Mail(box.server), _notice("mail", "nobody@example.org"))
    assert failure.permanent
    assert "nobody@" not in failure.reason
    assert "nobody@example.org" in failure.said


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A mail server's certificate that it has made itself, and the file of it."""
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(ALWAYS[0])
        .not_valid_after(ALWAYS[1])
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, None)
    )
    file, key_file = tmp_path / "certificate.pem", tmp_path / "key.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, key_file)
    return context, file


async def test_a_mail_server_asks_who_sends_and_proves_who_it_is(
    certificate: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = _notice("mail", "finance@example.org")
    context, file = certificate
    async with mail_server(user="tenure", password="right", certificate=context) as box:
        server = replace(box.server, user="tenure", password=SecretStr("right"))
        # Nobody vouches for the server: the password is not told it.
        assert not (await _failure(Mail(server), notice)).permanent
        assert box.mails == []
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        for password, is_let_in in (("right", True), ("wrong", False)):
            server = replace(server, password=SecretStr(password))
            if is_let_in:
                await Mail(server).send(notice)
                continue
            failure = await _failure(Mail(server), notice)
            assert failure.reason == "The mail server answered 535."
            # The password is ours to correct, and then the mail goes.
            assert not failure.permanent
            assert "wrong" not in failure.reason + failure.said
    assert len(box.mails) == 1


async def test_a_mail_server_that_is_away_or_has_no_tls_is_asked_again() -> None:
    notice = _notice("mail", "finance@example.org")
    async with mail_server() as box:
        without_tls = await _failure(Mail(replace(box.server, tls="starttls")), notice)
    away = await _failure(Mail(box.server), notice)
    assert (without_tls.permanent, away.permanent, box.mails) == (False, False, [])


async def test_a_webhook_is_signed_so_that_its_receiver_can_tell() -> None:
    notice = _notice("webhook", "chat")
    async with webhook_receiver() as receiver, AsyncClient() as http:
        await Webhooks(http, {"chat": receiver.webhook}).send(notice)
    [(headers, body)] = receiver.requests
    assert verified(headers, body)
    assert not verified(headers, body, key=KEY[::-1])
    assert not verified(headers, body + b" ")
    assert not verified(dict(headers) | {"webhook-id": "another"}, body)
    assert headers["webhook-id"] == notice.id
    assert headers["content-type"] == "application/json"
    assert body.decode() == notice.body
    document = json.loads(body)
    assert document["type"] == "gate.requested"
    assert datetime.fromisoformat(document["timestamp"]) == AT.astimezone(UTC)


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(301, False), (400, True), (401, True), (404, True), (408, False), (410, True), (429, False), (500, False), (503, False)],
)
async def test_a_webhook_that_says_no_is_given_up_and_one_in_trouble_is_asked_again(status: int, permanent: bool) -> None:
    async with webhook_receiver() as receiver, AsyncClient() as http:
        receiver.answers = [status]
        failure = await _failure(Webhooks(http, {"chat": receiver.webhook}), _notice("webhook", "chat"))
    assert (failure.permanent, failure.reason, len(receiver.requests)) == (permanent, f"The webhook answered {status}.", 1)


async def test_a_webhook_that_is_away_or_no_longer_configured_waits() -> None:
    async with AsyncClient() as http:
        away = Webhooks(http, {"chat": Webhook(url="http://127.0.0.1:1/a-secret-place", key=KEY)})
        failure = await _failure(away, _notice("webhook", "chat"))
        gone = await _failure(away, _notice("webhook", "board"))
    assert (failure.permanent, gone.permanent) == (False, False)
    assert "a-secret-place" not in failure.reason + failure.said
    assert "board" in gone.reason


async def test_without_configuration_a_notice_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with AsyncClient() as http:
        channels = channels_of(logged_alone(), http)
        notice = _notice("log", "log")
        await channels["log"].send(notice)
    assert isinstance(channels["log"], Log)
    assert "mail" not in channels
    [record] = [each for each in caplog.records if notice.id in each.getMessage()]
    assert "\n" not in record.getMessage()
    assert f"tenure gate approve {notice.gate}" in record.getMessage()
