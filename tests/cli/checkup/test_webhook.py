"""Webhook URLs: what each response to an unsigned call means, and which URLs the service cannot call."""

from __future__ import annotations

import anyio
import pytest
import respx

from omnivery.cli.checkup.account import Access
from omnivery.cli.checkup.finding import Finding, Level
from omnivery.cli.checkup.probe import Prober
from omnivery.cli.checkup.setup import Setup
from omnivery.cli.checkup.webhook import check_webhooks
from omnivery.transport.adapters.httpx_async import HttpxAdapter

URL = "https://hooks.example.com/secret-path"


def look(url: str = URL, **settings: str) -> list[Finding]:
    setup = Setup(webhook_url=url, **settings)

    async def work() -> list[Finding]:
        return await check_webhooks(Prober(adapter=HttpxAdapter()), setup, Access(), Access())

    return anyio.run(work)[:-1]  # the last one is about the signing key


@pytest.mark.parametrize(
    ("status", "level", "words"),
    [
        (406, Level.OK, "refuses strangers"),
        (401, Level.OK, "refuses strangers"),
        (200, Level.WARNING, "may accept calls of everyone"),
        (404, Level.PROBLEM, "no receiver is at that path"),
        (405, Level.PROBLEM, "no receiver is at that path"),
        (301, Level.PROBLEM, "a redirect"),
        (502, Level.PROBLEM, "what is in front of it, fails"),
    ],
)
@respx.mock
def test_what_a_response_to_an_unsigned_call_means(status: int, level: Level, words: str) -> None:
    route = respx.post(URL).respond(status)
    [found] = look()
    assert (found.level, words in found.message) == (level, True)
    assert (found.next is None) == (level is Level.OK)
    assert route.calls.last.request.content == b"{}", "no event that a handler could take for a real one"
    assert "secret-path" not in f"{found}"


@respx.mock
def test_a_url_without_tls_is_warned_of() -> None:
    respx.post("http://hooks.example.com/x").respond(406)
    reached, plain = look("http://hooks.example.com/x")
    assert reached.level is Level.OK
    assert (plain.level, plain.next) == (Level.WARNING, "Use https: the signature does not cover the body.")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "192.168.1.7", "receiver:8000", "[::1]:8000"])
@respx.mock
def test_a_url_of_this_network_cannot_be_called_by_the_service(host: str) -> None:
    respx.post(f"http://{host}/x").respond(406)
    _, private = look(f"http://{host}/x")
    assert private.level is Level.PROBLEM
    assert "the service cannot call it" in private.message
    assert "a tunnel's" in str(private.next)


@respx.mock
def test_the_emulator_can_call_a_url_of_this_machine() -> None:
    respx.post("http://127.0.0.1:8000/x").respond(406)
    assert [found.level for found in look("http://127.0.0.1:8000/x", automations_url="http://127.0.0.1:8025")] == ["ok"]
