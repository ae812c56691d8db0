"""The notices file: what it can say, and one clear error for what it cannot."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.notices.gate_notices import Addressee
from runtime.notices_file import NoticesUnusable, read_notices
from runtime.settings import Settings, settings
from tests.notices import KEY, SECRET
from worker.__main__ import main

MAIL: dict[str, Any] = {
    "host": "smtp.example.org",
    "user": "tenure",
    "password_variable": "SMTP_PASSWORD",
    "from": "tenure@example.org",
    "to": [
        {"address": "finance@example.org", "roles": ["finance"]},
        {"address": "legal@example.org", "roles": ["legal"], "programs": ["club"]},
    ],
}
HOOK = {"name": "chat", "url": "https://chat.example.org/hook/a-secret-place", "secret_variable": "CHAT_SECRET"}
ENVIRONMENT = {"SMTP_PASSWORD": "the-password", "CHAT_SECRET": SECRET, "SHORT": "whsec_c2hvcnQ=", "BARE": "a" * 40}


def _settings(folder: Path, document: object) -> Settings:
    file = folder / "notices.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return Settings(home=folder, public_url="https://tenure.example.org")


def test_without_a_file_notices_are_logged(tmp_path: Path) -> None:
    found = read_notices(Settings(home=tmp_path))
    assert found.routing.addressees == (Addressee(channel="log", recipient="log"),)
    assert found.routing.public_url == "http://127.0.0.1:8600"


def test_a_file_says_whom_to_tell_and_the_environment_holds_the_secrets(tmp_path: Path) -> None:
    found = read_notices(_settings(tmp_path, {"mail": MAIL, "webhooks": [HOOK]}), ENVIRONMENT)
    assert found.routing.of(["finance"], "club") == (("mail", "finance@example.org"), ("webhook", "chat"))
    assert found.routing.of(["legal"], "other") == (("webhook", "chat"),)
    assert found.mail is not None
    assert found.mail.password is not None
    assert (found.mail.port, found.mail.tls, found.mail.password.get_secret_value()) == (587, "starttls", "the-password")
    assert found.webhooks["chat"].key == KEY
    shown = repr(found)
    assert not [secret for secret in ("the-password", SECRET, str(KEY), "a-secret-place") if secret in shown]


def test_the_log_can_be_told_too(tmp_path: Path) -> None:
    found = read_notices(_settings(tmp_path, {"webhooks": [HOOK], "log": True}), ENVIRONMENT)
    assert [each.channel for each in found.routing.addressees] == ["webhook", "log"]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ("{", None),
        ([], None),
        ({"mails": {}}, "mails"),
        ({"mail": {**MAIL, "host": ""}}, "mail.host"),
        ({"mail": {**MAIL, "port": 0}}, "mail.port"),
        ({"mail": {**MAIL, "tls": "ssl"}}, "mail.tls"),
        ({"mail": {**MAIL, "tls": "none"}}, "mail.tls"),
        ({"mail": {**MAIL, "password": "the-password"}}, "mail.password"),
        ({"mail": {**MAIL, "user": None}}, "mail.user"),
        ({"mail": {**MAIL, "password_variable": None}}, "mail.password_variable"),
        ({"mail": {**MAIL, "password_variable": "NOT_SET"}}, "mail.password_variable"),
        ({"mail": {**MAIL, "from": "Tenure"}}, "mail.from"),
        ({"mail": {**MAIL, "from": "tenure@example.org\nBcc: x@example.org"}}, "mail.from"),
        ({"mail": {**MAIL, "to": []}}, "mail.to"),
        ({"mail": {**MAIL, "to": [{"address": "a@b", "roles": ["boss"]}]}}, "mail.to.0.roles.0"),
        ({"mail": {**MAIL, "to": [{"address": "a@b", "programs": ["No Program"]}]}}, "mail.to.0.programs.0"),
        ({"webhooks": [{**HOOK, "url": "chat.example.org"}]}, "webhooks.0.url"),
        ({"webhooks": [{**HOOK, "url": "ftp://chat.example.org"}]}, "webhooks.0.url"),
        ({"webhooks": [{**HOOK, "secret_variable": "NOT_SET"}]}, "webhooks.0.secret_variable"),
        ({"webhooks": [{**HOOK, "secret_variable": "SHORT"}]}, "webhooks.0.secret_variable"),
        ({"webhooks": [{**HOOK, "secret_variable": "BARE"}]}, "webhooks.0.secret_variable"),
        ({"webhooks": [HOOK, HOOK]}, "webhooks"),
    ],
)
def test_a_fault_is_one_error_that_names_the_field_and_tells_no_value(
    tmp_path: Path, document: object, field: str | None
) -> None:
    with pytest.raises(NoticesUnusable) as caught:
        read_notices(_settings(tmp_path, document), ENVIRONMENT)
    error = caught.value
    assert error.field == field
    assert (field or "notices.json") in error.detail
    assert "docs/operating.md" in error.remedy
    assert "the-password" not in str(error)
    assert "a-secret-place" not in str(error)


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(NoticesUnusable, match="cannot be read"):
        read_notices(Settings(home=tmp_path, notices_file=tmp_path / "nowhere.json"))


def test_a_worker_does_not_start_with_a_file_that_it_cannot_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _settings(tmp_path, {"mails": {}})
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    settings.cache_clear()
    try:
        with pytest.raises(SystemExit, match="field `mails`"):
            main()
    finally:
        settings.cache_clear()
