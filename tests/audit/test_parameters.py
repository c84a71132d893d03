"""Every parameter of both API pages is sent: in its place, under its name, with its value.

The table is typed off the pages by hand, so a parameter that the SDK loses makes its own test fail. The pages list 165.
163 of them can be sent. Two are left out on purpose:

* `domain` in the body of a message (Automations): it is in the path, and a second one could contradict it;
* `message` of a MIME message as url-encoded text (Mailgun-compatible): it is sent as a file, because such text could
  not carry bytes that are not UTF-8.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import attrs
import httpx
import pytest

from omnivery import AsyncAutomations, AsyncMailgun, Attachment, Message, errors
from omnivery.webhooks import BotVerdicts, parse, sign
from tests.support import automations as zap
from tests.support import mailgun as mg
from tests.support.message import Uploaded, read_form, values
from tests.test_conformance import OPERATIONS

pytestmark = pytest.mark.anyio

A = mg.ADDRESS
D = mg.DOMAIN
HOOK = "https://example.com/hook"
MIME = b"From: news@mail.example.com\r\nTo: ann@example.com\r\n\r\n\xff"

DOCUMENTED = """
    mailgun.complaints.get          /{domain}/complaints/{address}
    mailgun.complaints.delete       /{domain}/complaints/{address}
    mailgun.complaints.list         /{domain}/complaints
    mailgun.complaints.create       /{domain}/complaints                     form: address error
    mailgun.messages.send_mime      /{domain}/messages.mime                  form: to message o:tag o:testmode
                                                                                  o:tracking h:X-My-Header v:my-var
                                                                                  callback_url
    mailgun.messages.send           /{domain}/messages                       form: from to cc bcc reply_to subject text
                                                                                  html amp-html attachment inline
                                                                                  template t:variables substitutions
                                                                                  callback_url o:tag o:testmode
                                                                                  o:tracking o:tracking-opens
                                                                                  o:tracking-clicks h:X-My-Header
                                                                                  v:my-var
    mailgun.addresses.validate      /address/private/validate                query: address
    mailgun.addresses.parse         /address/private/parse                   query: addresses
    mailgun.domains.list            /domains                                 query: limit skip state
    mailgun.domains.create          /domains                                 form: name smtp_password wildcard
    mailgun.domains.tracking        /domains/{domain}/tracking
    mailgun.domains.disable         /{domain}/disable
    mailgun.credentials.create      /domains/{domain}/credentials            form: login password
    mailgun.credentials.list        /domains/{domain}/credentials            query: limit skip
    mailgun.domains.delete          /domains/{domain}
    mailgun.domains.get             /domains/{domain}
    mailgun.domains.verify          /domains/{domain}/verify
    mailgun.credentials.delete      /domains/{domain}/credentials/{login}
    mailgun.credentials.update_password /domains/{domain}/credentials/{login} form: password
    mailgun.stats.total             /{domain}/stats/total                    query: event start end resolution
    mailgun.unsubscribes.list       /{domain}/unsubscribes
    mailgun.unsubscribes.create     /{domain}/unsubscribes                   form: address error
    mailgun.unsubscribes.delete     /{domain}/unsubscribes/{address}
    mailgun.unsubscribes.get        /{domain}/unsubscribes/{address}
    mailgun.bounces.list            /{domain}/bounces
    mailgun.bounces.create          /{domain}/bounces                        json: address code error
    mailgun.bounces.delete_all      /{domain}/bounces
    mailgun.bounces.delete          /{domain}/bounces/{address}
    mailgun.bounces.get             /{domain}/bounces/{address}
    mailgun.whitelists.list         /{domain}/whitelists
    mailgun.whitelists.create       /{domain}/whitelists                     query: address
    mailgun.whitelists.get          /{domain}/whitelists/{address}
    mailgun.whitelists.delete       /{domain}/whitelists/{address}
    mailgun.webhooks.list           /domains/{domain}/webhooks
    mailgun.webhooks.create         /domains/{domain}/webhooks               form: id url
    mailgun.webhooks.get            /domains/{domain}/webhooks/{webhookname}
    mailgun.webhooks.update         /domains/{domain}/webhooks/{webhookname} form: url
    mailgun.webhooks.delete         /domains/{domain}/webhooks/{webhookname}

    automations.bots.submit_batch   /{domain}/bot                            json: events webhook_url
                                                                             event: ip uas event_id action domain
                                                                                  recipient_id message_id ts message_ts
    automations.bots.result         /{domain}/bot/{request_id}
    automations.messages.send       /{domain}/messages                       form: from to cc bcc reply_to subject text
                                                                                  html amp-html attachment inline
                                                                                  template template_variables
                                                                                  recipient-variables callback_url
                                                                                  o:tag o:testmode o:tracking
                                                                                  o:tracking-opens o:tracking-clicks
                                                                                  h:X-My-Header h:X-Mailgun-Variables
                                                                                  v:link.url domain
    automations.addresses.validate  /{domain}/validate                       query: address
    automations.suppressions.add    /{domain}/suppress                       form: address error type
    automations.addresses.parse     /address/parse                           query: addresses
    automations.domains.list        /domains
    automations.domains.get         /domains/{domain}                        query: dns
    automations.account.test        /test
    automations.webhooks.delete     /domains/{domain}/webhooks/{webhooktype}
    automations.webhooks.create     /domains/{domain}/webhooks               form: id url
    automations.webhooks.sample     /domains/{domain}/webhooks/{webhooktype}/sample
"""
"""For each operation its path, and what goes where: `json` is the body's object, `event` each object
in its `events`."""
ON_PURPOSE = {("mailgun.messages.send_mime", "form", "message"), ("automations.messages.send", "form", "domain")}
HONEYPOT = ("domain", "message_id")
RECEIVED = ("signature", "batch", "events")
"""The page lists the honeypot's link and the call to your webhook as if they were requests of yours."""

EVENT = {
    "ip": "192.0.2.1",
    "uas": "Mozilla/5.0",
    "event_id": "e1",
    "action": "open",
    "domain": "example.com",
    "recipient_id": "r1",
    "message_id": "m1",
    "ts": 1700000000,
    "message_ts": 1690000000,
    "my_key": {"x": 1},
}
OPTIONS: dict[str, Any] = {
    "tags": ["one", "two"],
    "test_mode": True,
    "tracking": True,
    "headers": {"X-My-Header": "x"},
    "custom": {"my-var": {"x": 1}},
    "callback_url": HOOK,
}
MESSAGE = Message(
    from_=f"news@{D}",
    to="ann@example.com",
    cc="bob@example.com",
    bcc="carl@example.com",
    reply_to="dora@example.com",
    subject="subject",
    text="text",
    html="<p>html",
    amp_html="<html amp4email>",
    attachments=[Attachment(name="a.txt", content=b"a")],
    inline=[Attachment(name="i.png", content=b"i")],
    template="welcome",
    variables={"x": 1},
    tracking_opens=True,
    tracking_clicks=False,
    **OPTIONS,
)
FOR_AUTOMATIONS = attrs.evolve(
    MESSAGE,
    recipient_variables={"ann@example.com": {"n": 1}},
    headers={"X-My-Header": 5, "X-Mailgun-Variables": '{"y":2}'},
    custom={"link.url": "u"},
)
PLAIN = {
    "address": A,
    "addresses": A,
    "error": "why",
    "login": "bob/bar",
    "password": "secret-1",
    "webhookname": "opened",
    "webhooktype": "opened",
    "request_id": "r/1",
    "domain": D,
    "id": "opened",
    "callback_url": HOOK,
    "webhook_url": HOOK,
}
OF_A_MESSAGE: dict[str, Any] = {
    "from": f"news@{D}",
    "to": "ann@example.com",
    "cc": "bob@example.com",
    "bcc": "carl@example.com",
    "reply_to": "dora@example.com",
    "subject": "subject",
    "text": "text",
    "html": "<p>html",
    "amp-html": "<html amp4email>",
    "attachment": b"a",
    "inline": b"i",
    "template": "welcome",
    "t:variables": '{"x":1}',
    "template_variables": '{"x":1}',
    "substitutions": '{"x":"y"}',
    "recipient-variables": '{"ann@example.com":{"n":1}}',
    "o:tag": ["one", "two"],
    "o:testmode": "yes",
    "o:tracking": "yes",
    "o:tracking-opens": "yes",
    "o:tracking-clicks": "no",
    "h:X-My-Header": "x",
    "h:X-Mailgun-Variables": '{"y":2}',
    "v:my-var": '{"x":1}',
    "v:link.url": "u",
}
Call = Callable[[Any], Any]
CALLS: dict[str, tuple[Call, dict[str, Any]]] = {
    "mailgun.complaints.get": (lambda c: c.complaints.get(A), {}),
    "mailgun.complaints.delete": (lambda c: c.complaints.delete(A), {}),
    "mailgun.complaints.list": (lambda c: c.complaints.list(), {}),
    "mailgun.complaints.create": (lambda c: c.complaints.create(A, error="why"), {}),
    "mailgun.messages.send_mime": (lambda c: c.messages.send_mime("ann@example.com", MIME, **OPTIONS), OF_A_MESSAGE),
    "mailgun.messages.send": (
        lambda c: c.messages.send(attrs.evolve(MESSAGE, substitutions={"x": "y"})),
        OF_A_MESSAGE,
    ),
    "mailgun.addresses.validate": (lambda c: c.addresses.validate(A), {}),
    "mailgun.addresses.parse": (lambda c: c.addresses.parse([A]), {}),
    "mailgun.domains.list": (
        lambda c: c.domains.list(limit=5, skip=7, state="active"),
        {"limit": "5", "skip": "7", "state": "active"},
    ),
    "mailgun.domains.create": (
        lambda c: c.domains.create("new.example.com", smtp_password="secret-1", wildcard=True),
        {"name": "new.example.com", "smtp_password": "secret-1", "wildcard": "true"},
    ),
    "mailgun.domains.tracking": (lambda c: c.domains.tracking(D), {}),
    "mailgun.domains.disable": (lambda c: c.domains.disable(D), {}),
    "mailgun.domains.delete": (lambda c: c.domains.delete(D), {}),
    "mailgun.domains.get": (lambda c: c.domains.get(D), {}),
    "mailgun.domains.verify": (lambda c: c.domains.verify(D), {}),
    "mailgun.credentials.create": (lambda c: c.credentials.create("bob/bar", "secret-1"), {}),
    "mailgun.credentials.list": (lambda c: c.credentials.list(limit=5, skip=7), {"limit": "5", "skip": "7"}),
    "mailgun.credentials.delete": (lambda c: c.credentials.delete("bob/bar"), {}),
    "mailgun.credentials.update_password": (lambda c: c.credentials.update_password("bob/bar", "secret-1"), {}),
    "mailgun.stats.total": (
        lambda c: c.stats.total(["failed", "opened"], start=1, end=2, resolution="month"),
        {"event": ["failed", "opened"], "start": "1", "end": "2", "resolution": "month"},
    ),
    "mailgun.unsubscribes.list": (lambda c: c.unsubscribes.list(), {}),
    "mailgun.unsubscribes.create": (lambda c: c.unsubscribes.create(A, error="why"), {}),
    "mailgun.unsubscribes.delete": (lambda c: c.unsubscribes.delete(A), {}),
    "mailgun.unsubscribes.get": (lambda c: c.unsubscribes.get(A), {}),
    "mailgun.bounces.list": (lambda c: c.bounces.list(), {}),
    "mailgun.bounces.create": (lambda c: c.bounces.create(A, code=550, error="why"), {"code": "550"}),
    "mailgun.bounces.delete_all": (lambda c: c.bounces.delete_all(), {}),
    "mailgun.bounces.delete": (lambda c: c.bounces.delete(A), {}),
    "mailgun.bounces.get": (lambda c: c.bounces.get(A), {}),
    "mailgun.whitelists.list": (lambda c: c.whitelists.list(), {}),
    "mailgun.whitelists.create": (lambda c: c.whitelists.create(A), {}),
    "mailgun.whitelists.get": (lambda c: c.whitelists.get(A), {}),
    "mailgun.whitelists.delete": (lambda c: c.whitelists.delete(A), {}),
    "mailgun.webhooks.list": (lambda c: c.webhooks.list(), {}),
    "mailgun.webhooks.create": (lambda c: c.webhooks.create("opened", [HOOK, HOOK + "2"]), {"url": [HOOK, HOOK + "2"]}),
    "mailgun.webhooks.get": (lambda c: c.webhooks.get("opened"), {}),
    "mailgun.webhooks.update": (lambda c: c.webhooks.update("opened", [HOOK, HOOK + "2"]), {"url": [HOOK, HOOK + "2"]}),
    "mailgun.webhooks.delete": (lambda c: c.webhooks.delete("opened"), {}),
    "automations.bots.submit_batch": (
        lambda c: c.bots.submit_batch([EVENT, EVENT], webhook_url=HOOK),
        {**EVENT, "events": [EVENT, EVENT]},
    ),
    "automations.bots.result": (lambda c: c.bots.result("r/1"), {}),
    "automations.messages.send": (
        lambda c: c.messages.send(FOR_AUTOMATIONS),
        {**OF_A_MESSAGE, "h:X-My-Header": "5"},
    ),
    "automations.addresses.validate": (lambda c: c.addresses.validate(A), {}),
    "automations.addresses.parse": (lambda c: c.addresses.parse([A]), {}),
    "automations.suppressions.add": (
        lambda c: c.suppressions.add(A, type="complaint", error="why"),
        {"type": "complaint"},
    ),
    "automations.domains.list": (lambda c: c.domains.list(), {}),
    "automations.domains.get": (lambda c: c.domains.get(D, dns=True), {"dns": "true"}),
    "automations.account.test": (lambda c: c.account.test(), {}),
    "automations.webhooks.create": (
        lambda c: c.webhooks.create("opened", [HOOK, HOOK + "2"]),
        {"url": [HOOK, HOOK + "2"]},
    ),
    "automations.webhooks.delete": (lambda c: c.webhooks.delete("opened"), {}),
    "automations.webhooks.sample": (lambda c: c.webhooks.sample("opened"), {}),
}
"""For each operation a call with everything that its page lists, and the values that must arrive, where `PLAIN` has not
got them."""


def documented() -> Iterator[tuple[str, str, str]]:
    """Operation, place and name of each parameter."""
    operation = place = ""
    for word in DOCUMENTED.split():
        if word.startswith(("mailgun.", "automations.")):
            operation = word
        elif word.startswith("/"):
            yield from ((operation, "path", name) for name in re.findall(r"{(\w+)}", word))
        elif word.endswith(":"):
            place = word[:-1]
        else:
            yield operation, place, word


ALL = list(documented())
SENT = [parameter for parameter in ALL if parameter not in ON_PURPOSE]
PATHS = dict(re.findall(r"(\S+\.\S+\.\S+)\s+(/\S+)", DOCUMENTED))


def client_of(operation: str, server: Any) -> AsyncMailgun | AsyncAutomations:
    client: AsyncMailgun | AsyncAutomations = (mg if operation.startswith("mailgun.") else zap).client_of(server)
    return client


async def request_of(operation: str, call: Call) -> httpx.Request:
    server = mg.service({})
    with suppress(errors.DecodeError):  # what comes back is not the matter here
        await call(client_of(operation, server))
    return server.request


async def found(request: httpx.Request, place: str, name: str) -> Any:
    """The value of a parameter in a request: a list where it is repeated, None where it is missing."""
    match place:
        case "query":
            several: list[Any] = request.url.params.get_list(name)
        case "form":
            form = await read_form(request.headers["content-type"], request.content)
            several = [each.content if isinstance(each, Uploaded) else each for each in values(form, name)]
        case "json":
            return json.loads(request.content).get(name)
        case _:
            events = json.loads(request.content)["events"]
            assert events[0] == events[1]
            return events[0].get(name)
    return several[0] if len(several) == 1 else several or None


def test_the_pages_list_165_parameters_and_163_of_them_are_sent() -> None:
    received = [("honeypot", "path", name) for name in HONEYPOT] + [("webhook", "json", name) for name in RECEIVED]
    assert len({*ALL, *received}) == len(ALL) + len(received) == 165
    assert len(SENT) + len(received) == 163


def test_every_operation_is_audited() -> None:
    """The single check has the path and the parameters of the batch, as a form: the page lists them once."""
    assert {*PATHS} == {*CALLS} == OPERATIONS.keys() - {"automations.bots.check"}


@pytest.mark.parametrize(("operation", "place", "name"), SENT, ids=map(" ".join, SENT))
async def test_a_parameter_of_the_page_is_sent(operation: str, place: str, name: str) -> None:
    call, own = CALLS[operation]
    request = await request_of(operation, call)
    if place != "path":
        assert await found(request, place, name) == own.get(name, PLAIN.get(name))
        return
    sent = request.url.raw_path.decode().partition("?")[0].removeprefix("/v3")
    pattern = "".join(
        f"(?P<{part[1:-1]}>[^/]+)" if part[0] == "{" else part
        for part in re.split(r"({\w+})", PATHS[operation])
        if part
    )
    matched = re.fullmatch(pattern, sent)
    assert matched is not None
    assert matched[name] == quote(PLAIN[name], safe="")


@pytest.mark.parametrize("name", ["webhook_url", *(name for name in EVENT if name != "my_key")])
async def test_a_single_check_sends_the_same_fields_as_a_form(name: str) -> None:
    event = {key: value for key, value in EVENT.items() if key != "my_key"}
    request = await request_of("automations.bots.check", lambda c: c.bots.check(event, webhook_url=HOOK))
    assert request.headers["content-type"].startswith("multipart/form-data")
    assert await found(request, "form", name) == str({**event, "webhook_url": HOOK}[name])


async def test_own_keys_of_an_event_are_sent_as_they_are() -> None:
    request = await request_of("automations.bots.submit_batch", CALLS["automations.bots.submit_batch"][0])
    assert await found(request, "event", "my_key") == {"x": 1}


@pytest.mark.parametrize("name", HONEYPOT)
def test_a_parameter_of_the_honeypot_is_in_its_url(name: str) -> None:
    url = zap.client_of(mg.service({})).honeypots.url("m/1")
    assert url == f"https://email.{D}/m%2F1/hclick"
    assert {"domain": D, "message_id": "m%2F1"}[name] in url


@pytest.mark.parametrize("name", RECEIVED)
def test_a_parameter_of_the_call_to_a_webhook_is_read(name: str) -> None:
    payload = {"signature": sign("key"), "batch": {"size": 1}, "events": [{**EVENT, "is_bot": True}]}
    read = parse(json.dumps(payload), "key")
    assert isinstance(read, BotVerdicts)
    [verdict] = read
    shown = {"signature": read.verified, "batch": dict(read.batch), "events": (verdict.is_bot, verdict.event_id)}
    assert shown[name] == {"signature": True, "batch": {"size": 1}, "events": (True, "e1")}[name]


async def test_a_message_has_its_domain_in_the_path_alone() -> None:
    """On purpose: a second one in the body could contradict it."""
    request = await request_of("automations.messages.send", CALLS["automations.messages.send"][0])
    assert await found(request, "form", "domain") is None
    assert request.url.path == f"/{D}/messages"


async def test_a_mime_message_is_a_file() -> None:
    """On purpose: url-encoded text could not carry bytes that are not UTF-8."""
    request = await request_of("mailgun.messages.send_mime", CALLS["mailgun.messages.send_mime"][0])
    assert request.headers["content-type"].startswith("multipart/form-data")
    assert await found(request, "form", "message") == MIME
