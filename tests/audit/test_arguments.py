"""Arguments of another kind: a `ConfigError` or an error of the API, and never one of Python's from deep inside."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from omnivery import Automations, BotEvent, Mailgun, Message, RetryPolicy
from omnivery.automations import PendingVerdict, Verdict
from omnivery.errors import ConfigError, OmniveryError

DOMAIN = "mail.example.com"
SOUND: dict[str, Any] = {
    "message": Message(from_=f"news@{DOMAIN}", to="ann@example.com", text="Hello"),
    "event": BotEvent(ip="192.0.2.1", uas="curl/8.9.1", event_id="e1"),
    "events": [BotEvent(ip="192.0.2.1", uas="curl/8.9.1", event_id="e1")],
    "recipients": {"ann@example.com": {}},
    "mime": b"From: news@mail.example.com\r\n\r\nHello",
    "urls": ["https://hooks.example.com/"],
    "pending": PendingVerdict(request_id="r-1"),
    "method": "GET",
    "path": "/endpoint",
}
"""A sound value of each argument that takes more than a text."""
ODD = [None, 5, b"x", "", "\ud800", [], {}, [5], {"limit": "5"}, object()]
BULK = {"submit", "submit_and_wait", "stream", "writer", "retry", "send_many", "send_batch", "create_many", "add_many"}
"""Bulk work has tests of its own."""


def refused(_: httpx.Request) -> httpx.Response:
    return httpx.Response(403)  # not 404, after which `bots.wait` asks again


def clients() -> list[Any]:
    transport = httpx.Client(transport=httpx.MockTransport(refused), trust_env=False)
    retry = RetryPolicy(attempts=1)
    return [
        Mailgun("a-long-key", sending_key="another-key", domain=DOMAIN, http_client=transport, retry=retry),
        Automations(
            "a-long-token", domain=DOMAIN, http_client=transport, retry=retry, webhook_url="https://w.example/"
        ),
    ]


def methods(client: Any) -> Iterator[Callable[..., Any]]:
    yield client.request
    for resource in [value for name, value in inspect.getmembers(client) if not name.startswith("_")]:
        if type(resource).__module__.startswith("omnivery."):
            found = [value for name, value in inspect.getmembers(resource, callable) if not name.startswith("_")]
            yield from (one for one in found if one.__name__ not in BULK)


def cases() -> Iterator[Any]:
    for client in clients():
        for method in methods(client):
            for parameter in inspect.signature(method).parameters.values():
                yield pytest.param(method, parameter.name, id=f"{method.__qualname__}-{parameter.name}")


@pytest.mark.parametrize(("method", "name"), [*cases()])
def test_no_argument_of_another_kind_is_an_error_of_pythons(method: Callable[..., Any], name: str) -> None:
    """Such as the address of a user without one: the error must name the argument, and say that nothing was sent."""
    parameters = inspect.signature(method).parameters.values()
    required = [each.name for each in parameters if each.default is each.empty]
    sound = SOUND | ({"event": "delivered"} if method.__name__ == "total" else {})
    for odd in ODD:
        arguments = {each: sound.get(each, "text") for each in required} | {name: odd}
        try:
            found = method(**arguments)
            if hasattr(found, "first"):
                found.first()
        except OmniveryError:
            continue


def on_text(argument: str) -> Callable[[], object]:
    """A call with the text `no` for a boolean argument."""
    mailgun, automations = clients()
    no: Any = {argument: "no"}
    message = Message(from_=f"news@{DOMAIN}", text="Hello")
    calls: dict[str, Callable[[], object]] = {
        "trust_env": lambda: Mailgun("a-long-key", **no),
        "wildcard": lambda: mailgun.domains.create("new.example.com", **no),
        "dns": lambda: automations.domains.get(DOMAIN, **no),
        "progress": lambda: automations.bots.submit([], **no),
        "ordered": lambda: automations.bots.stream([], **no),
        "individually": lambda: mailgun.messages.send_batch(message, {"ann@example.com": {}}, **no),
    }
    return calls[argument]


@pytest.mark.parametrize("argument", ["trust_env", "wildcard", "dns", "progress", "ordered", "individually"])
def test_a_text_is_no_boolean(argument: str) -> None:
    """As an environment variable has it: `no` would count as true."""
    with pytest.raises(ConfigError, match=f"{argument}: expected True or False, not str"):
        on_text(argument)()


def test_a_verdict_that_is_there_is_not_waited_for() -> None:
    """`check` returns one of the two, and who forgets to look is told so."""
    verdict: Any = Verdict(is_bot=True)
    with pytest.raises(ConfigError, match=r"pending: expected the PendingVerdict .* not Verdict"):
        clients()[1].bots.wait(verdict)


def test_there_are_methods_to_test() -> None:
    assert len({method.__qualname__ for client in clients() for method in methods(client)}) > 40
