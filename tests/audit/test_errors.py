"""Every documented error becomes one of ours, with the status and the service's own words.

The table is typed off the pages, and off Mailgun's documents where the pages only say that they are compatible. Those
that the emulator can be brought to are provoked there as well, by a real request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from attrs import frozen

from omnivery import Automations, Mailgun, Message, RetryPolicy, errors
from omnivery.emulator import Emulator
from tests.audit.test_parameters import CALLS, EVENT, HOOK, A, client_of
from tests.support import mailgun as mg
from tests.test_conformance import KEYS, OPERATIONS

ONCE = RetryPolicy(attempts=1)
BATCH, CHECK = "automations.bots.submit_batch", "automations.bots.check"
DISABLED = {"message": "Bot API is not enabled", "status": 402}
UNAUTHORIZED = {"message": "Unauthorized"}
UNPROCESSED = {"message": "Request UUID is not processed yet or has expired", "status": 404}
PROBED = {"errors": ["URL endpoint failed with error 404 - Not Found"]}
SEND, MIMES = "mailgun.messages.send", "mailgun.messages.send_mime"

OF_THE_PAGES: list[tuple[str, int, Any, type[errors.ApiError], str]] = [
    (BATCH, 400, None, errors.BadRequestError, "400 Bad Request"),
    (BATCH, 401, UNAUTHORIZED, errors.AuthenticationError, "Unauthorized"),
    (BATCH, 402, DISABLED, errors.PaymentRequiredError, "Bot API is not enabled"),
    (CHECK, 400, None, errors.BadRequestError, "400 Bad Request"),
    (CHECK, 401, UNAUTHORIZED, errors.AuthenticationError, "Unauthorized"),
    (CHECK, 402, DISABLED, errors.PaymentRequiredError, "Bot API is not enabled"),
    ("automations.bots.result", 404, UNPROCESSED, errors.NotFoundError, "not processed yet or has expired"),
    ("automations.account.test", 401, UNAUTHORIZED, errors.AuthenticationError, "Unauthorized"),
    ("automations.webhooks.create", 402, PROBED, errors.PaymentRequiredError, "failed with error 404 - Not Found"),
    (
        "automations.webhooks.delete",
        402,
        {"message": "No webhooks deleted"},
        errors.PaymentRequiredError,
        "No webhooks",
    ),
    (SEND, 400, {"message": "from parameter is not allowed"}, errors.BadRequestError, "from parameter is not allowed"),
]
OF_MAILGUN: list[tuple[str, int, Any, type[errors.ApiError], str]] = [
    *(
        (SEND, 400, {"message": text}, errors.BadRequestError, text)
        for text in (
            "from parameter is missing",
            "to parameter is missing",
            "Need at least one of 'text' or 'html' parameters specified",
            "Too many recipients, max is 1000",
            "'recipient-variables' parameter is not a valid JSON",
            "to parameter is not a valid address. please check documentation",
        )
    ),
    (MIMES, 400, {"message": "message parameter is missing"}, errors.BadRequestError, "message parameter is missing"),
    ("mailgun.bounces.get", 401, "Forbidden", errors.AuthenticationError, "primary key"),
    ("mailgun.addresses.validate", 401, "Forbidden", errors.AuthenticationError, "sending key"),
    (SEND, 402, {"message": "Request Failed"}, errors.PaymentRequiredError, "Request Failed"),
    (SEND, 403, {"message": "Domain is not allowed to send"}, errors.ForbiddenError, "not allowed to send"),
    (
        "mailgun.bounces.get",
        404,
        {"message": "Address not found in bounces table"},
        errors.NotFoundError,
        "bounces table",
    ),
    (
        "mailgun.unsubscribes.get",
        404,
        {"message": "Address not found in unsubscribers table"},
        errors.NotFoundError,
        "unsubscribers table",
    ),
    (
        "mailgun.complaints.get",
        404,
        {"message": "No spam complaints found for this address"},
        errors.NotFoundError,
        "No spam complaints",
    ),
    (
        "mailgun.whitelists.get",
        404,
        {"message": "Address/Domain not found in whitelists table"},
        errors.NotFoundError,
        "whitelists table",
    ),
    ("mailgun.domains.get", 404, {"message": "Domain not found"}, errors.NotFoundError, "Domain not found"),
    ("mailgun.webhooks.create", 400, {"message": "Webhook already exists"}, errors.BadRequestError, "already exists"),
    (SEND, 413, "Request Entity Too Large", errors.PayloadTooLargeError, "Too Large"),
    ("mailgun.domains.list", 429, {"retry-seconds": 60}, errors.RateLimitError, "429"),
    ("mailgun.domains.list", 500, {"error": "Internal failure"}, errors.ServerError, "Internal failure"),
    ("mailgun.domains.list", 502, "<html><h1>Bad Gateway</h1>", errors.ServerError, "502 Bad Gateway"),
]


def call_of(operation: str) -> Callable[[Any], Any]:
    if operation == CHECK:
        return lambda client: client.bots.check(EVENT, webhook_url=HOOK)
    return CALLS[operation][0]


@pytest.mark.anyio
@pytest.mark.parametrize(("operation", "status", "body", "expected", "words"), [*OF_THE_PAGES, *OF_MAILGUN])
async def test_a_documented_error_is_one_of_ours_in_the_services_words(
    operation: str, status: int, body: Any, expected: type[errors.ApiError], words: str
) -> None:
    response = httpx.Response(status, text=body) if isinstance(body, str) else mg.reply(body, status)
    client = client_of(operation, mg.service(response)).with_options(retry=ONCE)
    with pytest.raises(expected) as caught:
        await call_of(operation)(client)
    error = caught.value
    assert type(error) is expected
    assert words in str(error)
    assert (error.status, error.operation) == (status, operation)
    assert error.retry_after == (60 if status == 429 else None)


def test_the_table_has_every_error_of_the_pages() -> None:
    """Of the Automations API 10, one of which two operations share; of the Mailgun-compatible one 1."""
    assert len({(operation, status) for operation, status, *_ in OF_THE_PAGES}) == 11


@pytest.mark.anyio
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_refused_key_is_an_authentication_error_of_every_operation(operation: str) -> None:
    body = "Forbidden" if operation.startswith("mailgun.") else '{"message": "Unauthorized"}'
    client = client_of(operation, mg.service(httpx.Response(401, text=body)))
    with pytest.raises(errors.AuthenticationError, match=r"Forbidden|Unauthorized") as caught:
        await call_of(operation)(client)
    assert caught.value.operation == operation
    if OPERATIONS[operation].key in {KEYS["P"], KEYS["S"], KEYS["PS"]}:
        assert "key" in str(caught.value)


# The same at the emulator, by real requests

OTHER = "other.example.com"
"""A domain of the emulator's that has no bot detection."""


@frozen(kw_only=True)
class Clients:
    """Clients of one emulator, right and wrong."""

    emu: Emulator
    stack: ExitStack

    def automations(self, token: str | None = None, **options: Any) -> Automations:
        settings = {"base_url": self.emu.automations_url, "domain": self.emu.domain, **options}
        return self.stack.enter_context(Automations(token or self.emu.token, **settings))

    def mailgun(self, **keys: Any) -> Mailgun:
        chosen = {"api_key": self.emu.api_key, "sending_key": self.emu.sending_key, **keys}
        settings: dict[str, Any] = {"base_url": self.emu.mailgun_url, "domain": self.emu.domain}
        return self.stack.enter_context(Mailgun(chosen.pop("api_key"), **settings, **chosen))


@pytest.fixture(scope="module")
def emu() -> Iterator[Emulator]:
    with Emulator() as emulator, Mailgun(emulator.api_key, base_url=emulator.mailgun_url) as client:
        client.domains.create(OTHER)
        yield emulator


def text(**changes: Any) -> Message:
    given = {"from_": "news@mail.example.com", "to": "ann@example.com", "subject": "s", "text": "t", **changes}
    return Message(**given)


PROVOKED: list[tuple[Callable[[Clients], object], type[errors.ApiError], str]] = [
    (lambda of: of.automations("wrong-token").account.test(), errors.AuthenticationError, "Unauthorized"),
    (lambda of: of.automations("wrong-token").bots.check(EVENT), errors.AuthenticationError, "Unauthorized"),
    (lambda of: of.automations(domain=OTHER).bots.check(EVENT), errors.PaymentRequiredError, "not enabled"),
    (
        lambda of: of.automations(domain=OTHER).bots.submit_batch([EVENT], webhook_url=HOOK),
        errors.PaymentRequiredError,
        "not enabled",
    ),
    (
        lambda of: of.automations().request("POST", "/{domain}/bot", form=[("event_id", "e")]),
        errors.BadRequestError,
        "400 Bad Request",
    ),
    (lambda of: of.automations().bots.result("unknown"), errors.NotFoundError, "not processed yet or has expired"),
    (
        lambda of: of.automations().webhooks.create("opened", "http://127.0.0.1:9/nobody"),
        errors.PaymentRequiredError,
        "URL endpoint failed",
    ),
    (lambda of: of.automations().webhooks.delete("clicked"), errors.PaymentRequiredError, "No webhooks deleted"),
    (
        lambda of: of.mailgun().messages.send(text(from_="a@else.example.org")),
        errors.BadRequestError,
        "organisational domain",
    ),
    (lambda of: of.mailgun(api_key="wrong-key").bounces.get(A), errors.AuthenticationError, "primary key"),
    (lambda of: of.mailgun(sending_key="wrong-key").messages.send(text()), errors.AuthenticationError, "sending key"),
    (lambda of: of.mailgun().bounces.get(A), errors.NotFoundError, "Address not found in bounces table"),
    (lambda of: of.mailgun().unsubscribes.get(A), errors.NotFoundError, "Address not found in unsubscribers table"),
    (lambda of: of.mailgun().complaints.get(A), errors.NotFoundError, "No spam complaints found for this address"),
    (lambda of: of.mailgun().whitelists.get(A), errors.NotFoundError, "Address/Domain not found in whitelists table"),
    (lambda of: of.mailgun().domains.get("unknown.example.com"), errors.NotFoundError, "Domain not found"),
    (lambda of: of.mailgun().webhooks.get("clicked"), errors.NotFoundError, "Webhook not found"),
    (lambda of: of.mailgun().credentials.delete("nobody"), errors.NotFoundError, "Credentials not found"),
]


@pytest.mark.parametrize(("provoke", "expected", "words"), PROVOKED)
def test_the_emulator_gives_the_documented_error(
    emu: Emulator, provoke: Callable[[Clients], object], expected: type[errors.ApiError], words: str
) -> None:
    with ExitStack() as stack, pytest.raises(expected) as caught:
        provoke(Clients(emu=emu, stack=stack))
    assert words in str(caught.value)
