"""Names that cannot be a domain, a host or a URL are found before anything is sent."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from omnivery import AsyncAutomations, AsyncMailgun, Automations, Mailgun
from omnivery.errors import ConfigError
from omnivery.transport.config import valid_domain, valid_url
from tests.support import automations, mailgun

NO_DOMAINS = [
    "https://mail.example.com",
    "mail.example.com/",
    "ann@example.com",
    "mail example.com",
    "mail.example.com ",
    ".example.com",
    "example..com",
    "-a.example.com",
    "a-.example.com",
    "<your-domain>",
    "YOUR_DOMAIN_NAME",
    "your.domain…",
    "…",
    "mail,example.com",
    "192.0.2.1",
    "::1",
    "a" * 64 + ".example.com",
    ".".join(["abcdefgh"] * 30),
    "mail.example.com:443",
    "mail.example.com\n",
]


@pytest.mark.parametrize("name", NO_DOMAINS)
def test_what_cannot_be_a_domain_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^domain: expected the name of a domain.*Nothing was sent\.$") as caught:
        valid_domain(name)
    # It may be an address, or a key that was given as the wrong argument.
    assert name.removeprefix(".") not in str(caught.value).replace("mail.example.com.", "")


@pytest.mark.parametrize(
    "name", ["mail.example.com", "EXAMPLE.com", "_dmarc.example.com", "bücher.example", "a--b.io", "1.2.io"]
)
def test_what_can_be_a_domain_is_taken_as_it_is(name: str) -> None:
    assert valid_domain(name) == name


@pytest.mark.parametrize("client", [AsyncMailgun, Mailgun, AsyncAutomations, Automations])
@pytest.mark.parametrize("way", ["argument", "environment", "clone"])
def test_a_client_says_so_when_it_is_made(client: Any, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call may come hours later, and the server's 404 does not say which part of the path it means."""
    if way == "environment":
        monkeypatch.setenv("OMNIVERY_DOMAIN", "https://mail.example.com")
    make = {
        "argument": lambda: client("key", domain="ann@example.com"),
        "environment": lambda: client("key"),
        "clone": lambda: client("key").with_options(domain="<your-domain>"),
    }
    with pytest.raises(ConfigError, match="domain: expected the name of a domain"):
        make[way]()


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["https://mail.example.com", "ann@example.com", "YOUR_DOMAIN_NAME"])
async def test_a_call_says_so_before_it_sends(name: str) -> None:
    server = mailgun.service({})
    client, other = mailgun.client_of(server), automations.client_of(server)
    for call in (
        client.bounces.delete_all(domain=name),
        client.domains.get(name),
        client.domains.create(name),
        client.domains.delete(name),
        client.domains.verify(name),
        client.domains.tracking(name),
        client.domains.disable(name),
        other.domains.get(name),
        other.suppressions.add("ann@example.com", domain=name),
    ):
        with pytest.raises(ConfigError, match=r"(domain|name): expected the name of a domain"):
            await call
    assert server.requests == []


NO_URLS = [
    "https://…",
    "https://…/events",
    "https://<your-host>/events",
    "https://your server/events",
    "https://exa mple.com",
    "https://-a.example",
    "https://a..b",
    "https://",
    "https:///path",
    "mail.example.com",
    "ftp://example.com",
    "http://host:port/",
    "http://[::1",
    "https://example.com/a b",
    "https://example.com\n",
]


@pytest.mark.parametrize("url", NO_URLS)
def test_what_cannot_be_a_url_is_refused(url: str) -> None:
    """The README's own placeholder is one of them: copied as it stands, it was submitted to the service."""
    with pytest.raises(ConfigError, match=r"^webhook_url: expected a URL.*Nothing was sent\.$"):
        valid_url(url, argument="webhook_url")
    for client in (AsyncAutomations, Automations):
        with pytest.raises(ConfigError, match="webhook_url: expected a URL"):
            client("token", webhook_url=url)
        with pytest.raises(ConfigError, match="webhook_url: expected a URL"):
            client("token").with_options(webhook_url=url)
        with pytest.raises(ConfigError, match="base_url: "):
            client("token", base_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://localhost:8000/hook?key=secret",
        "http://127.0.0.1:9/",
        "http://[::1]:8000/",
        "https://bücher.example/x",
        "https://my_host.internal./x",
        "https://user:secret@example.com/hook",
    ],
)
def test_what_can_be_a_url_is_taken_as_it_is(url: str) -> None:
    assert valid_url(url, argument="webhook_url") == url


# Arguments of another kind: in words, before anything is sent


@pytest.mark.parametrize("client", [AsyncMailgun, Mailgun, AsyncAutomations, Automations])
@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [
        ("timeouts", 5, r"expected Timeouts\(…\), not int"),
        ("retry", 5, r"expected RetryPolicy\(…\), not int"),
        ("limits", 5, r"expected Limits\(…\), not int"),
        ("observers", 5, "expected a sequence of observers, not int"),
        ("headers", 5, "expected a mapping of names to values, not int"),
        ("headers", {"x-own": 5}, "names and values must be text"),
        ("verify", "/etc/ca.pem", r"ssl\.create_default_context\(cafile=…\)"),
        ("base_url", 5, "expected a URL as text, not int"),
    ],
)
def test_a_setting_of_another_kind_is_refused_when_the_client_is_made(
    client: Any, argument: str, value: Any, words: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{argument}: .*{words}"):
        client("key", **{argument: value})
    if argument in {"timeouts", "retry", "headers", "base_url"}:
        with pytest.raises(ConfigError, match=f"^{argument}: .*{words}"):
            client("key").with_options(**{argument: value})


EVENT = {"ip": "192.0.2.1", "uas": "x", "event_id": "a"}


@pytest.mark.parametrize(
    ("method", "arguments", "words"),
    [
        ("submit", {"journal": 5}, "journal: expected the path of a file, not int"),
        ("submit", {"webhook_url": 5}, "webhook_url: expected a URL as text, not int"),
        ("submit", {"options": {"deadline": 3}}, r"options: expected CallOptions\(…\), not dict"),
        ("submit", {"on_progress": 5}, "on_progress: expected a function, not int"),
        ("submit", {"on_progress": anyio.sleep}, "on_progress: expected a function, not a coroutine function"),
        ("retry", {"journal": 5}, "journal: expected the path of a file, not 5"),
        ("retry", {"journal": "j", "on_progress": 5}, "on_progress: expected a function, not int"),
        ("check", {"event": None}, "event: expected a BotEvent or a mapping, not NoneType"),
        ("check", {"event": "192.0.2.1"}, "event: expected a BotEvent or a mapping, not str"),
        ("check", {"event": EVENT, "options": 5}, r"options: expected CallOptions\(…\), not int"),
        ("result", {"request_id": 5}, "request_id: expected text, not int"),
        ("result", {"request_id": None}, "request_id: expected text, not NoneType"),
    ],
)
@pytest.mark.anyio
async def test_an_argument_of_another_kind_is_refused_unsent(method: str, arguments: Any, words: str) -> None:
    server = automations.service({})
    settings: Any = {"domain": "mail.example.com", "webhook_url": "https://hooks.example.com/verdicts"}
    given = {"events": [EVENT], **arguments} if method == "submit" else arguments
    with pytest.raises(ConfigError, match=f"^{words}"):
        await getattr(automations.client_of(server, **settings).bots, method)(**given)
    with Automations("t0k3n", **settings) as client, pytest.raises(ConfigError, match=f"^{words}"):
        getattr(client.bots, method)(**given)
    assert server.requests == []
