"""One message to many: on both surfaces, in calls of a thousand or one by one, and nobody sees anybody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from omnivery import AsyncAutomations, AsyncMailgun, CallOptions, Message, RetryPolicy
from omnivery.emulator import Emulator
from omnivery.mailgun import SendReport
from tests.support.message import QUEUED, automations_with, mailgun_with, message, read_form

pytestmark = pytest.mark.anyio

CLIENTS: dict[str, Callable[..., AsyncMailgun | AsyncAutomations]] = {
    "mailgun": mailgun_with,
    "automations": automations_with,
}
NEWSLETTER = Message(
    from_="news@mail.example.com",
    subject="News for %recipient.name%",
    text="Hello %recipient.name% (%recipient.nobody%), %recipient.url.link% %recipient.a.b% 100%",
    html="<p>%recipient.name%</p>",
    headers={"X-Id": "%recipient.id%", "X-Fixed": 5},
    custom={"order": {"id": "%recipient.id%"}},
    tags=["%recipient.name%"],
)
RECIPIENTS: dict[str, dict[str, Any]] = {
    "Ann <ann@x.net>": {"name": "Ann", "id": 7, "url": {"link": "u"}, "a.b": "dotted"},
    "bob@x.net": {"name": None, "id": True, "url": [1]},
    "eve@x.net": {},
}


class Service:
    """Takes every message but those that contain a text that it is told to refuse."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        refused = any(text.encode() in request.content for text in self.refused)
        return httpx.Response(400, json={"message": "no"}) if refused else httpx.Response(200, json=QUEUED)

    async def forms(self) -> list[dict[str, str]]:
        """The text fields of each request."""
        forms = [await read_form(one.headers["content-type"], one.content) for one in self.requests]
        return [{name: str(value) for name, value in form} for form in forms]


@pytest.mark.parametrize("surface", CLIENTS)
async def test_individually_each_recipient_is_a_call_with_placeholders_filled(surface: str) -> None:
    """Only the Automations page lists `recipient-variables`: a server that does not know it would show all to all."""
    service = Service()
    report = await CLIENTS[surface](service).messages.send_batch(
        NEWSLETTER, RECIPIENTS, individually=True, concurrency=1
    )
    assert (report.read, report.sent) == (3, 3)
    ann, bob, eve = await service.forms()
    assert [form["to"] for form in (ann, bob, eve)] == ["Ann <ann@x.net>", "bob@x.net", "eve@x.net"]
    assert not any("recipient-variables" in form for form in (ann, bob, eve))
    assert ann["text"] == "Hello Ann (%recipient.nobody%), u dotted 100%"
    assert (ann["subject"], ann["html"], ann["h:X-Id"], ann["h:X-Fixed"]) == ("News for Ann", "<p>Ann</p>", "7", "5")
    assert json.loads(ann["v:order"]) == {"id": "7"}
    # None is nothing, and what is not text is written as JSON.
    assert (bob["subject"], bob["h:X-Id"]) == ("News for ", "true")
    # As with Mailgun, a placeholder without a variable stays.
    assert "%recipient.url.link%" in bob["text"]
    assert eve["subject"] == NEWSLETTER.subject
    # Tags are for statistics: the service replaces nothing in them.
    assert ann["o:tag"] == "%recipient.name%"


@pytest.mark.parametrize("surface", CLIENTS)
async def test_only_the_service_can_fill_a_stored_template(surface: str) -> None:
    service = Service()
    given = Message(from_="a@mail.example.com", template="welcome", variables={"who": "%recipient.name%"})
    await CLIENTS[surface](service).messages.send_batch(given, RECIPIENTS, individually=True, concurrency=1)
    ann, _, eve = await service.forms()
    name = "t:variables" if surface == "mailgun" else "template_variables"
    assert json.loads(ann[name]) == {"who": "Ann"}
    assert json.loads(ann["recipient-variables"])["ann@x.net"]["id"] == 7
    assert "recipient-variables" not in eve


@pytest.mark.parametrize("surface", CLIENTS)
async def test_one_that_is_refused_sinks_no_other(surface: str) -> None:
    once = CallOptions(retry=RetryPolicy(attempts=1))
    client = CLIENTS[surface](Service("bob"))
    report: SendReport = await client.messages.send_batch(NEWSLETTER, RECIPIENTS, individually=True, options=once)
    assert (report.read, report.sent, report.rejected) == (3, 2, 1)
    (outcome,) = (one for one in report.outcomes if one.error)
    assert outcome.index == 1
    assert outcome.message is not None
    assert outcome.message.to == "bob@x.net"


@pytest.mark.parametrize("surface", CLIENTS)
async def test_a_value_with_a_line_break_is_refused_for_its_recipient_alone(surface: str) -> None:
    """Filled into a subject it would be a header of somebody else's."""
    service = Service()
    recipients = {"a@x.net": {"name": "A"}, "b@x.net": {"name": "B\r\nBcc: victim@y.net"}}
    report = await CLIENTS[surface](service).messages.send_batch(
        message(to=(), subject="%recipient.name%"), recipients, individually=True
    )
    assert (report.sent, report.rejected) == (1, 1)
    assert not any(b"victim" in request.content for request in service.requests)


@pytest.mark.parametrize("surface", CLIENTS)
async def test_in_calls_of_a_thousand_the_variables_hide_everybody(surface: str) -> None:
    service = Service()
    recipients: dict[str, dict[str, Any]] = {f"r{n}@x.net": {"n": n} for n in range(1001)}
    report = await CLIENTS[surface](service).messages.send_batch(message(to=()), recipients, concurrency=1)
    assert (report.read, report.sent) == (2, 2)
    first, second = await service.forms()
    assert len(json.loads(first["recipient-variables"])) == 1000
    assert json.loads(second["recipient-variables"]) == {"r1000@x.net": {"n": 1000}}


async def test_automations_sends_many_and_accounts_for_each() -> None:
    """Its page has the same messages, and documents `recipient-variables`."""
    async with Emulator() as emulator:
        url, sender = emulator.automations_url, f"news@{emulator.domain}"
        async with AsyncAutomations(emulator.token, base_url=url, domain=emulator.domain) as client:
            given = [Message(from_=sender, to=f"r{n}@example.org", text="t") for n in range(20)]
            bad = Message(from_=sender, to="r@example.org")
            report = await client.messages.send_many([*given, bad])
            assert (report.read, report.sent, report.rejected) == (21, 20, 1)
            assert all(one.queued is not None and one.queued.id for one in report.outcomes[:20])
            batch = await client.messages.send_batch(
                Message(from_=sender, text="Hello %recipient.name%"), {f"b{n}@example.org": {} for n in range(3)}
            )
            batch.raise_for_failures()
    assert len(emulator.messages) == 21
    assert {stored.surface for stored in emulator.messages} == {"automations"}
