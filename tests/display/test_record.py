"""Single results: a person at a prompt sees what was asked for, and nobody sees a secret."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import attrs
import pytest

import omnivery.automations
import omnivery.mailgun
import omnivery.webhooks
from omnivery import AsyncAutomations, AsyncMailgun, Attachment, Automations, BotEvent, Mailgun, Message
from omnivery.automations import AuthInfo, KickboxResult, SuppressionAdded, Verdict
from omnivery.display.record import Record
from omnivery.display.tabular import Tabular
from omnivery.mailgun import (
    AddressConfirmation,
    AddressValidation,
    Bounce,
    CredentialCreated,
    DnsRecord,
    Domain,
    DomainDetail,
    ParsedAddress,
    ParseResult,
    Queued,
    SmtpCredential,
    Unsubscribe,
    Webhook,
    WebhookResult,
    WhitelistEntry,
)
from omnivery.webhooks import DeliveryEvent, Envelope

ADDRESS = "ann@example.com"
URL = "https://user:hush@hooks.example.com:8443/hush/path?key=hush#hush"


class Cells(HTMLParser):
    """The texts of a table's cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def shown(value: Record) -> str:
    """All that is visible of a value: its repr, and its table."""
    return f"{value!r} {' '.join(Cells(value._repr_html_()).texts)}"


@pytest.mark.parametrize(
    ("value", "visible"),
    [
        (ParsedAddress(email=ADDRESS, name="Ann"), [ADDRESS, "Ann"]),
        (ParseResult(parsed=(ParsedAddress(email=ADDRESS),), unparseable=("nobody",)), [ADDRESS, "nobody"]),
        (AddressValidation(address=ADDRESS, did_you_mean="anna@example.com"), [ADDRESS, "anna@example.com"]),
        (KickboxResult(email=ADDRESS, user="ann"), [ADDRESS]),
        (Bounce(address=ADDRESS, code="550", error="No such mailbox"), [ADDRESS, "550", "No such mailbox"]),
        (Unsubscribe(address=ADDRESS, tags=("a",)), [ADDRESS]),
        (WhitelistEntry(value=ADDRESS, reason="vip"), [ADDRESS, "vip"]),
        (AddressConfirmation(address=ADDRESS, message="added"), [ADDRESS, "added"]),
        (SuppressionAdded(address=ADDRESS), [ADDRESS]),
        (SmtpCredential(login="printer", mailbox=ADDRESS), ["printer", ADDRESS]),
        (CredentialCreated(username="printer"), ["printer"]),
        (AuthInfo(domain="mail.example.com", role="sending"), ["mail.example.com", "sending"]),
        (Queued(id="<1@example.com>"), ["<1@example.com>"]),
        (
            BotEvent(ip="192.0.2.1", uas="curl/8", event_id="e1", attributes={"line": 7}),
            ["192.0.2.1", "curl/8", "line"],
        ),
        (Verdict(is_bot=True, request=BotEvent(ip="192.0.2.1", event_id="e1")), ["192.0.2.1", "e1", "is_bot"]),
        (DeliveryEvent(event="opened", ip="192.0.2.9", recipient=ADDRESS), ["192.0.2.9", ADDRESS, "opened"]),
        (DeliveryEvent(envelope=Envelope(sending_ip="192.0.2.1")), ["192.0.2.1"]),
        (Message(from_=ADDRESS, to=["bob@example.com"], subject="Hi"), [ADDRESS, "bob@example.com", "Hi"]),
    ],
)
def test_what_was_asked_for_is_seen(value: Record, visible: list[str]) -> None:
    for text in visible:
        assert text in repr(value)
        assert text in " ".join(Cells(value._repr_html_()).texts)


@pytest.mark.parametrize(
    "value",
    [
        Webhook(name="opened", urls=(URL, URL)),
        WebhookResult(webhook=Webhook(name="opened", urls=(URL,))),
        DeliveryEvent(event="clicked", url=URL, token="hush", storage={"url": "hush"}),
        Message(
            from_=ADDRESS,
            to=ADDRESS,
            text="hush",
            html="hush",
            amp_html="hush",
            variables={"x": "hush"},
            custom={"x": "hush"},
            headers={"X": "hush"},
            recipient_variables={ADDRESS: {"x": "hush"}},
            attachments=[Attachment(name="a.txt", content=b"hush")],
        ),
    ],
)
def test_no_secret_is_seen(value: Record) -> None:
    """Of a URL scheme and host remain: a receiver's key is in the path of many, and a click's path names the reader."""
    assert "hush" not in shown(value)


def test_a_webhook_shows_its_event_and_its_hosts() -> None:
    assert repr(Webhook(name="opened", urls=(URL, "https://a.example"))) == (
        "Webhook(name='opened', urls=('https://hooks.example.com:8443/…', 'https://a.example'))"
    )


def test_a_record_is_a_table_of_the_fields_that_have_a_value() -> None:
    made = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    detail = DomainDetail(
        domain=Domain(name="mail.example.com", state="active", created_at=made),
        sending_dns_records=(DnsRecord(name="k1", record_type="CNAME", value="v", valid=True),),
        extra={"new": 1},
    )
    assert Cells(detail._repr_html_()).texts == [
        "DomainDetail", "field", "value",
        "domain.name", "mail.example.com",
        "domain.state", "active",
        "domain.created_at", "2026-01-02 03:04:05+00:00",
        "sending_dns_records[0]", "k1  CNAME  v  True",
        "extra", '{"new":1}',
    ]  # fmt: skip


def test_what_strangers_wrote_is_escaped() -> None:
    assert "<script>" not in Bounce(error="<script>alert(1)</script>")._repr_html_()


def models() -> Iterator[type[Any]]:
    """Every public class that a call returns as one value."""
    for module in (omnivery.automations, omnivery.mailgun, omnivery.webhooks):
        for name in dir(module):
            found = getattr(module, name)
            if inspect.isclass(found) and attrs.has(found) and not name.startswith("Async"):
                yield found


NO_RESULTS = {"BulkRun", "EventLine", "EventWriter", "SendRun", "UnreadableLine"}
"""Classes that are something else: a run under way, a writer, lines of a source."""


@pytest.mark.parametrize("model", sorted(set(models()), key=str))
def test_every_single_result_has_a_table(model: type[Any]) -> None:
    assert model.__name__ in NO_RESULTS or issubclass(model, Record | Tabular)


@pytest.mark.parametrize("client", [AsyncAutomations, Automations])
def test_bots_says_what_it_is(client: type[Any]) -> None:
    """At a prompt, `client.bots` is what one types to find out."""
    found = repr(client("t0k3n-t0k3n", domain="mail.example.com").bots)
    name = "AsyncBots" if client is AsyncAutomations else "Bots"
    assert found.startswith(f"<{name} of {client.__name__}(base_url=")
    for method in ("submit", "stream", "writer", "check"):
        assert method in found
    assert "t0k3n" not in found


@pytest.mark.parametrize("client", [AsyncMailgun, Mailgun])
def test_every_resource_says_what_it_is(client: type[Any]) -> None:
    made = client("key-0123", domain="mail.example.com")
    assert "list, get, create, create_many, delete" in repr(made.bounces)
    assert "mail.example.com" in repr(made.webhooks)


def test_a_message_with_many_recipients_is_short() -> None:
    given = Message(from_=ADDRESS, to=[f"r{n}@example.com" for n in range(1000)], text="t")
    assert repr(given).endswith("'r2@example.com', and 997 more])")
