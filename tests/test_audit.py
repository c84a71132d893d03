"""The audit of both API pages: each documented parameter is sent, each note is told, each documented error is raised.

163 of the pages' 165 parameters can be sent. Two are left out on purpose:

* `domain` in the body of a message (Automations): it is in the path, and a second one could contradict it;
* `message` of a MIME message as url-encoded text (Mailgun-compatible): it is sent as a file, because such a text could
  not carry bytes that are not UTF-8.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import attrs
import httpx
import pytest

from omnivery import AsyncAutomations, AsyncMailgun, Attachment, CallOptions, Message, RetryPolicy, errors
from omnivery.automations import AsyncHoneypots
from omnivery.automations import webhooks as automations_webhooks
from omnivery.mailgun import AsyncAddresses, AsyncBounces, AsyncDomains, AsyncMessages, AsyncWhitelists
from omnivery.mailgun import webhooks as mailgun_webhooks
from tests.support import automations as zap
from tests.support import mailgun as mg
from tests.support.message import read_form
from tests.test_conformance import OPERATIONS

pytestmark = pytest.mark.anyio

A = "ann@example.com"
D = mg.DOMAIN
MESSAGE = Message(
    from_=f"news@{D}",
    to=A,
    cc="c@example.com",
    bcc="d@example.com",
    reply_to="e@example.com",
    subject="s",
    text="t",
    html="h",
    amp_html="a",
    attachments=[Attachment(name="a.txt", content=b"a")],
    inline=[Attachment(name="i.png", content=b"i")],
    template="welcome",
    variables={"x": 1},
    recipient_variables={A: {"n": 1}},
    tags=["one", "two"],
    test_mode=True,
    tracking=True,
    tracking_opens=True,
    tracking_clicks=False,
    headers={"X-My-Header": "x", "X-Number": 5},
    custom={"my-var": "x", "link.url": "u"},
    callback_url="https://example.com/hook",
)
MIME = b"From: news@mail.example.com\r\nTo: ann@example.com\r\n\r\nHi"
MAIL = "from to cc bcc reply_to subject text html amp-html attachment inline template callback_url o:tag o:testmode"
TRACKED = "o:tracking o:tracking-opens o:tracking-clicks h:X-My-Header h:X-Number v:my-var v:link.url"

Call = Callable[[Any], Any]
PARAMETERS: dict[str, tuple[Call, str]] = {
    "mailgun.complaints.get": (lambda c: c.complaints.get(A), "domain address"),
    "mailgun.complaints.delete": (lambda c: c.complaints.delete(A), "domain address"),
    "mailgun.complaints.list": (lambda c: c.complaints.list(), "domain"),
    "mailgun.complaints.create": (lambda c: c.complaints.create(A, error="e"), "domain address error"),
    "mailgun.messages.send_mime": (
        lambda c: c.messages.send_mime(
            A,
            MIME,
            tags="t",
            test_mode=True,
            tracking=True,
            headers={"X-A": "1"},
            custom={"a": "1"},
            callback_url="https://example.com/hook",
        ),
        "domain to message o:tag o:testmode o:tracking h:X-A v:a callback_url",
    ),
    "mailgun.messages.send": (
        lambda c: c.messages.send(_with(substitutions={"x": "y"})),
        f"domain {MAIL} {TRACKED} t:variables substitutions recipient-variables",
    ),
    "mailgun.addresses.validate": (lambda c: c.addresses.validate(A), "address"),
    "mailgun.addresses.parse": (lambda c: c.addresses.parse([A]), "addresses"),
    "mailgun.domains.list": (lambda c: c.domains.list(limit=5, skip=5, state="active"), "limit skip state"),
    "mailgun.domains.create": (
        lambda c: c.domains.create("new.example.com", smtp_password="secret", wildcard=True),
        "name smtp_password wildcard",
    ),
    "mailgun.domains.tracking": (lambda c: c.domains.tracking(D), "domain"),
    "mailgun.domains.disable": (lambda c: c.domains.disable(D), "domain"),
    "mailgun.domains.delete": (lambda c: c.domains.delete(D), "domain"),
    "mailgun.domains.get": (lambda c: c.domains.get(D), "domain"),
    "mailgun.domains.verify": (lambda c: c.domains.verify(D), "domain"),
    "mailgun.credentials.create": (lambda c: c.credentials.create("bob", "secret"), "domain login password"),
    "mailgun.credentials.list": (lambda c: c.credentials.list(limit=5, skip=5), "domain limit skip"),
    "mailgun.credentials.delete": (lambda c: c.credentials.delete("bob"), "domain login"),
    "mailgun.credentials.update_password": (
        lambda c: c.credentials.update_password("bob", "secret"),
        "domain login password",
    ),
    "mailgun.stats.total": (
        lambda c: c.stats.total(["failed", "opened"], start=1, end=2, resolution="day"),
        "domain event start end resolution",
    ),
    "mailgun.unsubscribes.list": (lambda c: c.unsubscribes.list(), "domain"),
    "mailgun.unsubscribes.create": (lambda c: c.unsubscribes.create(A, error="e"), "domain address error"),
    "mailgun.unsubscribes.delete": (lambda c: c.unsubscribes.delete(A), "domain address"),
    "mailgun.unsubscribes.get": (lambda c: c.unsubscribes.get(A), "domain address"),
    "mailgun.bounces.list": (lambda c: c.bounces.list(), "domain"),
    "mailgun.bounces.create": (lambda c: c.bounces.create(A, code=550, error="e"), "domain address code error"),
    "mailgun.bounces.delete_all": (lambda c: c.bounces.delete_all(), "domain"),
    "mailgun.bounces.delete": (lambda c: c.bounces.delete(A), "domain address"),
    "mailgun.bounces.get": (lambda c: c.bounces.get(A), "domain address"),
    "mailgun.whitelists.list": (lambda c: c.whitelists.list(limit=3), "domain limit"),
    "mailgun.whitelists.create": (lambda c: c.whitelists.create(A), "domain address"),
    "mailgun.whitelists.get": (lambda c: c.whitelists.get(A), "domain address"),
    "mailgun.whitelists.delete": (lambda c: c.whitelists.delete(A), "domain address"),
    "mailgun.webhooks.list": (lambda c: c.webhooks.list(), "domain"),
    "mailgun.webhooks.create": (lambda c: c.webhooks.create("opened", "https://example.com/h"), "domain id url"),
    "mailgun.webhooks.get": (lambda c: c.webhooks.get("opened"), "domain webhookname"),
    "mailgun.webhooks.update": (
        lambda c: c.webhooks.update("opened", "https://example.com/h"),
        "domain webhookname url",
    ),
    "mailgun.webhooks.delete": (lambda c: c.webhooks.delete("opened"), "domain webhookname"),
    "automations.bots.submit_batch": (
        lambda c: c.bots.submit_batch(
            [
                {
                    "ip": "192.0.2.1",
                    "uas": "x",
                    "event_id": "e",
                    "action": "open",
                    "domain": "example.com",
                    "recipient_id": "r",
                    "message_id": "m",
                    "ts": 1,
                    "message_ts": 1,
                    "own": {"x": 1},
                }
            ],
            webhook_url="https://example.com/hook",
        ),
        "domain events webhook_url ip uas event_id action recipient_id message_id ts message_ts own",
    ),
    "automations.bots.check": (
        lambda c: c.bots.check(
            {
                "ip": "192.0.2.1",
                "uas": "x",
                "event_id": "e",
                "action": "open",
                "domain": "example.com",
                "recipient_id": "r",
                "message_id": "m",
                "ts": 1,
                "message_ts": 1,
            },
            webhook_url="https://example.com/hook",
        ),
        "domain webhook_url ip uas event_id action recipient_id message_id ts message_ts",
    ),
    "automations.bots.result": (lambda c: c.bots.result("r1"), "domain request_id"),
    "automations.messages.send": (
        lambda c: c.messages.send(_with(headers={"X-My-Header": "x", "X-Number": 5, "X-Mailgun-Variables": "{}"})),
        f"domain {MAIL} {TRACKED} template_variables recipient-variables h:X-Mailgun-Variables",
    ),
    "automations.addresses.validate": (lambda c: c.addresses.validate(A), "domain address"),
    "automations.addresses.parse": (lambda c: c.addresses.parse([A]), "addresses"),
    "automations.suppressions.add": (
        lambda c: c.suppressions.add(A, type="complaint", error="e"),
        "domain address type error",
    ),
    "automations.domains.list": (lambda c: c.domains.list(), ""),
    "automations.domains.get": (lambda c: c.domains.get(D, dns=True), "domain dns"),
    "automations.account.test": (lambda c: c.account.test(), ""),
    "automations.webhooks.create": (lambda c: c.webhooks.create("opened", "https://example.com/h"), "domain id url"),
    "automations.webhooks.delete": (lambda c: c.webhooks.delete("opened"), "domain webhooktype"),
    "automations.webhooks.sample": (lambda c: c.webhooks.sample("opened"), "domain webhooktype"),
}
"""For each operation a call with everything that its page lists, and the names of the parameters."""
IN_PATH = {
    "address": A,
    "login": "bob",
    "webhookname": "opened",
    "webhooktype": "opened",
    "request_id": "r1",
    "domain": D,
}


def _with(**changes: Any) -> Message:
    return attrs.evolve(MESSAGE, **changes)


async def names_in(request: httpx.Request) -> set[str]:
    """The names of everything that a request carries in its query and body."""
    names = set(request.url.params)
    kind = request.headers.get("content-type", "")
    if kind == "application/json":
        body = mg.json_of(request)
        names |= set(body) | {name for event in body.get("events", ()) for name in event}
    elif kind:
        names |= {name for name, _ in await read_form(kind, request.content)}
    return names


def client_of(surface: str, server: Any) -> AsyncMailgun | AsyncAutomations:
    client: AsyncMailgun | AsyncAutomations = (mg if surface == "mailgun" else zap).client_of(server)
    return client


@pytest.mark.parametrize("operation", PARAMETERS)
async def test_every_parameter_of_the_page_is_sent(operation: str) -> None:
    call, parameters = PARAMETERS[operation]
    server = mg.service({})
    with suppress(errors.DecodeError):  # what comes back is not the matter here
        await call(client_of(operation.partition(".")[0], server))
    request = server.request
    sent = await names_in(request)
    for name in parameters.split():
        assert name in sent or IN_PATH.get(name, "\0") in request.url.path, name


def test_every_operation_is_audited() -> None:
    assert PARAMETERS.keys() == OPERATIONS.keys()


async def test_the_two_that_are_left_out_on_purpose() -> None:
    """`domain` is in the path alone, and `message` is a file: url-encoded text could not carry every byte."""
    server = mg.service({})
    await zap.client_of(server).messages.send(MESSAGE)
    await mg.client_of(server).messages.send_mime(A, MIME)
    first, second = server.requests
    assert "domain" not in await names_in(first)
    assert second.headers["content-type"].startswith("multipart/form-data")
    assert b'name="message"; filename=' in second.content


ONCE = CallOptions(retry=RetryPolicy(attempts=1))
ERRORS: list[tuple[str, Call, int, Any, type[errors.ApiError], str]] = [
    (
        "zap",
        lambda c: c.account.test(options=ONCE),
        401,
        {"message": "Unauthorized"},
        errors.AuthenticationError,
        "401",
    ),
    ("zap", lambda c: c.bots.check({"ip": "192.0.2.1"}), 400, None, errors.BadRequestError, "400 Bad Request"),
    (
        "zap",
        lambda c: c.bots.check({"ip": "192.0.2.1"}),
        402,
        {"message": "Bot API is not enabled", "status": 402},
        errors.PaymentRequiredError,
        "not enabled",
    ),
    (
        "zap",
        lambda c: c.bots.result("r1"),
        404,
        {"message": "No such request", "status": 404},
        errors.NotFoundError,
        "No such request",
    ),
    (
        "zap",
        lambda c: c.webhooks.create("opened", "https://example.com/h"),
        402,
        {"errors": ["URL endpoint failed with error 404 - Not Found"]},
        errors.PaymentRequiredError,
        "URL endpoint failed",
    ),
    (
        "zap",
        lambda c: c.webhooks.delete("opened"),
        402,
        {"message": "No webhooks deleted"},
        errors.PaymentRequiredError,
        "No webhooks deleted",
    ),
    (
        "mg",
        lambda c: c.messages.send(_with()),
        400,
        {"message": "from parameter is not allowed"},
        errors.BadRequestError,
        "organisational domain",
    ),
    ("mg", lambda c: c.bounces.get(A), 401, "Forbidden", errors.AuthenticationError, "primary key"),
    (
        "mg",
        lambda c: c.bounces.get(A),
        404,
        {"message": "Address not found"},
        errors.NotFoundError,
        "Address not found",
    ),
]


@pytest.mark.parametrize(("surface", "call", "status", "body", "expected", "words"), ERRORS)
async def test_every_documented_error_is_one_of_ours_in_the_services_words(  # noqa: PLR0917  # a row of the table
    surface: str, call: Call, status: int, body: Any, expected: type[errors.ApiError], words: str
) -> None:
    response = httpx.Response(status, text=body) if isinstance(body, str) else mg.reply(body, status)
    client = client_of("mailgun" if surface == "mg" else "automations", mg.service(response))
    with pytest.raises(expected, match=words) as caught:
        await call(client)
    assert caught.value.status == status


NOTES: list[tuple[object, str]] = [
    (AsyncHoneypots, "30 minutes"),
    (AsyncHoneypots, "do not redirect"),
    (AsyncHoneypots, "Never request"),
    (mailgun_webhooks.AsyncWebhooks, "only if the domain tracks"),
    (automations_webhooks.AsyncWebhooks, "only if the domain tracks"),
    (AsyncWhitelists, "exempt from suppressions"),
    (AsyncWhitelists.create, "Two documents disagree"),
    (AsyncBounces.create, "Two documents disagree"),
    (AsyncDomains.disable, "the API cannot undo it"),
    (AsyncDomains.verify, "`unverified`"),
    (AsyncAddresses.validate, "Kickbox"),
    (AsyncMessages.send_batch, "Mailgun's"),
    (Message.from_form, "`o:tag`"),
]


@pytest.mark.parametrize(("where", "words"), NOTES)
def test_a_note_of_the_page_stands_where_its_reader_looks(where: object, words: str) -> None:
    assert words in " ".join((inspect.getdoc(where) or "").split())
