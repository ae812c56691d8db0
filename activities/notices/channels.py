"""The channels that notices go by: mail, signed webhooks, the log.

Each attempt sends the same bytes under the same id, so that a receiver can drop what it has had already.
"""

import base64
import hmac
import logging
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from email.charset import QP, Charset
from email.header import Header
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime
from hashlib import sha256
from typing import Protocol

import httpx
from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from domain.notices.gate_notices import Channel
from runtime.notices_file import MailServer, Notices, Webhook
from store.notices.notices import NoticeRecord

logger = logging.getLogger(__name__)

_ANSWER_WITHIN = 10.0
"""Seconds for one answer of a server; a slower one is asked again later."""
_ASK_AGAIN = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)
_LONGEST_SAID = 500


class DeliveryFailed(Exception):
    """An attempt failed, for good where `permanent`.

    `reason` names nobody, since workflows' histories keep it; `said` is what the other side answered, for the store alone.
    """

    def __init__(self, reason: str, *, said: str = "", permanent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.said = said[:_LONGEST_SAID]
        self.permanent = permanent


class NoticeChannel(Protocol):
    """Brings a notice to its recipient, at least once."""

    async def send(self, notice: NoticeRecord) -> None:
        """Returns once the other side has taken it. Raises DeliveryFailed."""
        ...


class Mail:
    """One mail per notice and address; its Message-ID is the notice's own."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def send(self, notice: NoticeRecord) -> None:
        server = self._server
        smtp = SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password.get_secret_value() if server.password else None,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            timeout=_ANSWER_WITHIN,
        )
        try:
            await smtp.connect()
            await smtp.sendmail(server.sender, [notice.recipient], message(notice, server.sender))
        except (SMTPException, OSError, ssl.SSLError) as error:
            raise _mail_failed(error) from None
        finally:
            # What was taken stays taken, however the farewell goes: a failure of it must not send the mail again.
            with suppress(SMTPException, OSError):
                await smtp.quit()
            smtp.close()


def message(notice: NoticeRecord, sender: str) -> bytes:
    """The mail: of nothing but the notice, so that each attempt makes the same one."""
    readable = Charset("utf-8")
    readable.body_encoding = QP
    # The older way of the library: the newer one loses blanks where it folds a long subject with letters beyond ASCII.
    mail = MIMEText(notice.body, "plain", readable)  # type: ignore[arg-type]
    mail["From"] = sender
    mail["To"] = notice.recipient
    mail["Subject"] = Header(notice.subject)  # type: ignore[assignment]
    mail["Date"] = format_datetime(notice.created_at)
    mail["Message-ID"] = f"<{notice.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    return mail.as_bytes(policy=compat32.clone(linesep="\r\n"))


class Webhooks:
    """A POST per notice and webhook, signed as the Standard Webhooks specification has it.

    The body and `webhook-id` stay the same at each attempt. `webhook-timestamp`, and so the signature, is of the attempt:
    receivers refuse what was signed long ago, since somebody else might send it again.
    """

    def __init__(self, http: httpx.AsyncClient, webhooks: Mapping[str, Webhook]) -> None:
        self._http = http
        self._webhooks = webhooks

    async def send(self, notice: NoticeRecord) -> None:
        webhook = self._webhooks.get(notice.recipient)
        if webhook is None:
            raise DeliveryFailed(f"The notices file has no webhook {notice.recipient} any more.")
        body = notice.body.encode()
        headers = signed(notice.id, int(time.time()), body, webhook.key) | {"Content-Type": "application/json"}
        try:
            # The answer's body is nobody's business, and may be of any size.
            async with self._http.stream(
                "POST", webhook.url, content=body, headers=headers, timeout=_ANSWER_WITHIN, follow_redirects=False
            ) as response:
                status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DeliveryFailed(f"The webhook did not answer ({type(error).__name__}).") from None
        if not response.is_success:
            raise DeliveryFailed(
                f"The webhook answered {status}.", permanent=response.is_client_error and status not in _ASK_AGAIN
            )


def signed(notice: str, timestamp: int, body: bytes, key: bytes) -> dict[str, str]:
    """The headers by which a receiver knows that a request is ours, recent, and not yet had."""
    signature = hmac.new(key, b".".join((notice.encode(), str(timestamp).encode(), body)), sha256).digest()
    return {
        "webhook-id": notice,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


class Log:
    """A line of the worker's log."""

    async def send(self, notice: NoticeRecord) -> None:
        logger.info("notice %s: %s | %s", notice.id, notice.subject, " | ".join(filter(None, notice.body.split("\n"))))


def channels_of(notices: Notices, http: httpx.AsyncClient) -> dict[Channel, NoticeChannel]:
    """The channels that are configured; what is written for another one waits until it is."""
    channels: dict[Channel, NoticeChannel] = {"log": Log(), "webhook": Webhooks(http, notices.webhooks)}
    if notices.mail is not None:
        channels["mail"] = Mail(notices.mail)
    return channels


def _mail_failed(error: Exception) -> DeliveryFailed:
    """What the server's refusal means: a recipient, a sender or a text that it will never take, or a trouble that may pass."""
    if isinstance(error, SMTPRecipientsRefused) and error.recipients:
        error = error.recipients[0]
    if not isinstance(error, SMTPResponseException):
        return DeliveryFailed(f"The mail server could not be used ({type(error).__name__}).", said=str(error))
    of_the_mail = isinstance(error, SMTPRecipientRefused | SMTPSenderRefused | SMTPDataError)
    return DeliveryFailed(
        f"The mail server answered {error.code}.", said=str(error.message), permanent=of_the_mail and error.code >= 500
    )
