"""What the SDK says of arguments, in the words of who typed options."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from omnivery import AsyncAutomations
from omnivery.cli.wording import in_options
from tests.support.cli import error_of, in_process

URL = "expected a URL such as https://host/path. Nothing was sent."


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (("bots", "submit", "a", "--webhook-url", "x"), {}, f"--webhook-url: {URL}"),
        (("bots", "submit", "a", "--trusted-proxy", "x"), {}, "--trusted-proxy: 'x' does not appear to be an IPv4 or"),
        (("bots", "submit", "a", "--columns", "x=y"), {}, "--columns: 'y' is no field of an event; there are ip, uas,"),
        (("bots", "submit", "a"), {"OMNIVERY_AUTOMATIONS_URL": "x"}, f"OMNIVERY_AUTOMATIONS_URL: {URL}"),
        (("bots", "submit", ""), {}, "the path is empty; '.' is the current folder"),
        (("bots", "submit", "s3://b/k"), {}, "s3://… is not read: pipe what is there to the command, and name - as"),
        (("bots", "check", "--ip", "x", "--uas", "y"), {}, "event: ip is not an IPv4 or IPv6 address. Nothing was"),
        (("domains", "create", "a b"), {}, "name: expected the name of a domain, such as mail.example.com."),
        (("domains", "list"), {"OMNIVERY_MAILGUN_URL": "x"}, f"OMNIVERY_MAILGUN_URL: {URL}"),
        (("domains", "list"), {"OMNIVERY_REGION": "x"}, "OMNIVERY_REGION: expected one of global, eu, us, not 'x'."),
        (("domains", "list", "--region", "eu", "--base-url", "http://x"), {}, "--region and --base-url: each names"),
        (
            ("bots", "submit", "a"),
            {},
            "no webhook URL for the verdicts: give --webhook-url or set OMNIVERY_WEBHOOK_URL.",
        ),
        (("bots", "submit", "a"), {"OMNIVERY_TOKEN": ""}, "no token: set OMNIVERY_TOKEN."),
        (("webhooks", "list"), {"OMNIVERY_DOMAIN": "x"}, "OMNIVERY_DOMAIN: expected the name of a domain, such as"),
        (("send", "--from", "a@x.net", "--to", "b", "--text", "x"), {}, "--to: there is an address without an @."),
    ],
)
def test_an_error_names_what_was_typed(
    arguments: tuple[str, ...],
    environment: dict[str, str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "a").write_text('{"ip":"192.0.2.1","uas":"x","event_id":"1"}\n')
    monkeypatch.chdir(tmp_path)
    keys = {"OMNIVERY_TOKEN": "t", "OMNIVERY_API_KEY": "k", "OMNIVERY_DOMAIN": "mail.example.com"}
    nowhere = {"OMNIVERY_AUTOMATIONS_URL": "http://127.0.0.1:9", "OMNIVERY_MAILGUN_URL": "http://127.0.0.1:9"}
    result = in_process(*arguments, environment={**keys, **nowhere, **environment})
    assert (result.returncode, error_of(result)["type"]) == (2, "ConfigError")
    assert error_of(result)["message"].startswith(message)


def test_words_without_an_argument_stay_as_they_are() -> None:
    for words in ("no token", "journal: there is no file", "to: x", "a source: b"):
        assert in_options(words) == words
    assert in_options("path: this is no Parquet file") == "this is no Parquet file"


def test_a_journal_for_another_setting_names_its_option(tmp_path: Path) -> None:
    (file := tmp_path / "a").write_text('{"ip":"192.0.2.1","uas":"x","event_id":"1"}\n')
    keys = {"OMNIVERY_TOKEN": "t", "OMNIVERY_AUTOMATIONS_URL": "http://127.0.0.1:9"}
    arguments = ("bots", "submit", str(file), "--journal", str(tmp_path / "j"), "--webhook-url", "http://x.net")

    async def stopped() -> None:
        client = AsyncAutomations("t", base_url="http://127.0.0.1:9", domain="a.example.com")
        async with client:
            await client.bots.submit([], webhook_url="http://x.net", journal=tmp_path / "j")

    anyio.run(stopped)
    result = in_process(*arguments, environment={**keys, "OMNIVERY_DOMAIN": "b.example.com"})
    assert error_of(result)["message"].startswith("--journal: it was begun for --domain a.example.com, not b.example.")
