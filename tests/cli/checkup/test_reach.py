"""A server that does not respond as its API does: each reason has its own next step."""

from __future__ import annotations

import pytest

from omnivery.cli.checkup.finding import Area, Level
from omnivery.cli.checkup.probe import Probe
from omnivery.cli.checkup.reach import explain_response, explain_silence
from omnivery.errors import AmbiguousError, ConfigError, DeadlineError, NotSentError, TransportError
from omnivery.transport.http import Headers, Response

SERVICE = "https://zap-api.omnivery.net"
VARIABLE = "OMNIVERY_AUTOMATIONS_URL"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "error", "step"),
    [
        ("http://127.0.0.1:1", NotSentError("connection refused", unreachable=True), "Start the emulator"),
        (SERVICE, NotSentError("the host name is not known", unreachable=True), "`nslookup zap-api.omnivery.net`"),
        (SERVICE, NotSentError("the certificate could not be verified", permanent=True), "--ca FILE"),
        (SERVICE, NotSentError("connecting took longer"), "A firewall may drop packets"),
        (SERVICE, AmbiguousError("no response came"), "the service may be down"),
        (SERVICE, DeadlineError("there was no response within 15 s"), "the service may be down"),
    ],
)
def test_each_kind_of_silence_has_its_next_step(url: str, error: TransportError, step: str) -> None:
    found = explain_silence(Area.AUTOMATIONS, Probe(error=error, elapsed=0.1), url, VARIABLE)
    assert found.level is Level.PROBLEM
    assert found.message == f"{url} does not respond: {error.args[0]}."
    assert step in str(found.next)


def test_a_setting_that_is_wrong_is_named() -> None:
    error = ConfigError("SSL_CERT_FILE: no certificates can be read from '/x'. Nothing was sent.")
    found = explain_silence(Area.AUTOMATIONS, Probe(error=error, elapsed=0.1), SERVICE, VARIABLE)
    assert found.message == f"{SERVICE} cannot be called: SSL_CERT_FILE: no certificates can be read from '/x'."
    assert "Correct the setting" in str(found.next)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "all_proxy"])
def test_a_proxy_that_is_set_and_not_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Where there is a proxy, the host is often unknown without it."""
    monkeypatch.setenv(name, "http://user:secret@proxy.example.com:3128")
    error = NotSentError("the host name is not known", unreachable=True)
    found = explain_silence(Area.AUTOMATIONS, Probe(error=error, elapsed=0.1), SERVICE, VARIABLE)
    assert str(found.next).startswith(f"{name} is set, and no client uses it by itself")
    assert "secret" not in f"{found}"


@pytest.mark.parametrize(
    ("status", "content", "words", "step"),
    [
        (200, b"<html>", "a web page", f"Check {VARIABLE}"),
        (404, b"{}", "something else than this API's responses", f"Check {VARIABLE}"),
        (429, b"", "429 Too Many Requests", "Wait a minute"),
        (503, b"", "the server fails", "Try again later"),
    ],
)
def test_other_responses_have_their_next_step(status: int, content: bytes, words: str, step: str) -> None:
    probe = Probe(response=Response(status=status, headers=Headers(), content=content), elapsed=0.1)
    found = explain_response(Area.AUTOMATIONS, probe, SERVICE, VARIABLE)
    assert (found.level, words in found.message) == (Level.PROBLEM, True)
    assert step in str(found.next)
