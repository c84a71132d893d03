"""Where Omnivery's page and Mailgun's documents disagree, each dialect follows its document, and adds nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from attrs import field, frozen

from omnivery.emulator import Emulator
from tests.support.emulator import mailgun_client

ADDRESS = "ann@example.org"


@pytest.fixture(scope="module")
def emulators() -> Iterator[dict[str, Emulator]]:
    with (
        Emulator(strict=True) as omnivery,
        Emulator(dialect="mailgun", strict=True) as mailgun,
        Emulator() as tolerant,
    ):
        yield {"omnivery": omnivery, "mailgun": mailgun, "tolerant": tolerant}


@pytest.fixture
def client_of(emulators: dict[str, Emulator]) -> Iterator[Callable[[str], httpx.Client]]:
    """A client of one dialect's emulator, with a key of the kind that its requests need."""
    opened: list[Any] = []

    def open_one(dialect: str, *, sending: bool = False) -> httpx.Client:
        emulator = emulators[dialect]
        emulator.reset()
        opened.append(mailgun_client(emulator, emulator.sending_key if sending else None))
        client: httpx.Client = opened[-1].__enter__()
        return client

    yield open_one
    for one in opened:
        one.__exit__(None, None, None)


def post_bounce(client: httpx.Client) -> None:
    client.post("/mail.example.com/bounces", json=[{"address": ADDRESS, "code": 550, "error": "e"}])


def post_complaint(client: httpx.Client) -> None:
    client.post("/mail.example.com/complaints", data={"address": ADDRESS, "error": "e"})


def post_unsubscribe(client: httpx.Client) -> None:
    client.post("/mail.example.com/unsubscribes", data={"address": ADDRESS, "error": "e", "tag": "t"})


def post_whitelist(client: httpx.Client) -> None:
    client.post("/mail.example.com/whitelists", params={"address": ADDRESS}, data={"address": ADDRESS})


def post_credentials(client: httpx.Client) -> None:
    client.post("/domains/mail.example.com/credentials", data={"login": "ann", "password": "secret"})


def nothing(client: httpx.Client) -> None:
    """No preparation."""


HERE, ACCOUNT = "/mail.example.com", "/domains/mail.example.com"
DETAIL = {"domain", "receiving_dns_records", "sending_dns_records"}


@frozen
class Exchange:
    """A request, and the names of its response's fields in each dialect."""

    prepare: Callable[[httpx.Client], None]
    method: str
    path: str
    omnivery: set[str]
    mailgun: set[str]
    options: dict[str, Any] = field(factory=dict[str, Any], kw_only=True)


# Of the tables of response shapes: what is Omnivery's, and what only Mailgun documents.
EXCHANGES = [
    Exchange(
        post_bounce,
        "GET",
        f"{HERE}/bounces/{ADDRESS}",
        {"address", "code", "error", "created_at"},
        {"address", "code", "error", "created_at"},
    ),
    Exchange(
        post_complaint,
        "GET",
        f"{HERE}/complaints/{ADDRESS}",
        {"address", "description", "created_at"},
        {"address", "created_at"},
    ),
    Exchange(
        post_unsubscribe,
        "GET",
        f"{HERE}/unsubscribes/{ADDRESS}",
        {"address", "error", "created_at"},
        {"address", "tags", "created_at"},
    ),
    Exchange(
        post_whitelist,
        "GET",
        f"{HERE}/whitelists/{ADDRESS}",
        {"type", "value", "created_at", "createdAt"},
        {"type", "value", "reason", "createdAt"},
    ),
    Exchange(post_whitelist, "DELETE", f"{HERE}/whitelists/{ADDRESS}", {"message", "value"}, {"message", "value"}),
    Exchange(nothing, "POST", "/domains", DETAIL, {*DETAIL, "message"}, options={"data": {"name": "new.example.com"}}),
    Exchange(nothing, "PUT", f"{ACCOUNT}/verify", DETAIL, {*DETAIL, "message"}),
    Exchange(nothing, "GET", ACCOUNT, DETAIL, DETAIL),
    Exchange(nothing, "DELETE", ACCOUNT, {"message"}, {"message"}),
    Exchange(post_credentials, "DELETE", f"{ACCOUNT}/credentials/ann", {"message"}, {"message", "spec"}),
    Exchange(
        post_credentials,
        "PUT",
        f"{ACCOUNT}/credentials/ann",
        {"message"},
        {"message"},
        options={"data": {"password": "other"}},
    ),
    Exchange(
        nothing,
        "GET",
        "/address/private/parse",
        {"parsed", "unparseable"},
        {"parsed", "unparsable"},
        options={"params": {"addresses": ADDRESS}},
    ),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: f"{exchange.method} {exchange.path}")
def test_a_response_has_the_fields_of_its_document_and_no_others(
    client_of: Callable[[str], httpx.Client], exchange: Exchange
) -> None:
    for dialect in ("omnivery", "mailgun"):
        client = client_of(dialect)
        exchange.prepare(client)
        response = client.request(exchange.method, exchange.path, **exchange.options)
        assert response.status_code == 200, response.text
        assert set(response.json()) == getattr(exchange, dialect), dialect


def test_the_states_and_records_of_a_domain(client_of: Callable[[str], httpx.Client]) -> None:
    """`valid` is a truth value and `priority` a number in the page's example, both are text in Mailgun's."""
    for dialect, state, valid, priority in (
        ("omnivery", "pending", False, 10),
        ("mailgun", "unverified", "unknown", "10"),
    ):
        made = client_of(dialect).post("/domains", data={"name": "new.example.com"}).json()
        (mx,) = made["receiving_dns_records"]
        assert (made["domain"]["state"], mx["valid"], mx["priority"]) == (state, valid, priority)


def test_a_list_shows_what_a_single_response_shows(client_of: Callable[[str], httpx.Client]) -> None:
    """But for the page's own inconsistency: a complaint's text is `error` in the list, and `description` alone."""
    for dialect in ("omnivery", "mailgun"):
        client = client_of(dialect)
        for name, prepare in (
            ("bounces", post_bounce),
            ("unsubscribes", post_unsubscribe),
            ("complaints", post_complaint),
        ):
            prepare(client)
            (item,) = client.get(f"{HERE}/{name}").json()["items"]
            single = client.get(f"{HERE}/{name}/{ADDRESS}").json()
            assert item == {("error" if key == "description" else key): value for key, value in single.items()}


def test_parsed_addresses_are_objects_or_texts(client_of: Callable[[str], httpx.Client]) -> None:
    query = {"addresses": "Ann <a@example.org>, b@example.org, nobody"}
    ours = client_of("omnivery").get("/address/private/parse", params=query).json()
    assert ours["parsed"][0] == {"email": "a@example.org", "domain": "example.org", "localpart": "a", "name": "Ann"}
    theirs = client_of("mailgun").get("/address/private/parse", params=query).json()
    assert theirs == {"parsed": ["Ann <a@example.org>", "b@example.org"], "unparsable": ["nobody"]}


def test_temporary_failures_have_a_total_in_one_document(client_of: Callable[[str], httpx.Client]) -> None:
    form = {"from": "a@mail.example.com", "to": "softbounce@example.org", "subject": "s", "text": "t"}
    for dialect, expected in (("omnivery", {"espblock": 1}), ("mailgun", {"espblock": 1, "total": 1})):
        client = client_of(dialect)
        client.post(f"{HERE}/messages", data=form)
        stats = client.get(f"{HERE}/stats/total", params={"event": "failed"}).json()["stats"]
        assert stats[-1]["failed"]["temporary"] == expected


def refused(response: httpx.Response) -> str | None:
    """Which field the response says is missing; None for a success."""
    if response.status_code == 200:
        return None
    assert response.status_code == 400
    text: str = response.json()["message"]
    return text.removesuffix(" parameter is missing")


MESSAGE = {"from": "a@mail.example.com", "to": ADDRESS, "text": "t"}


@pytest.mark.parametrize(
    ("path", "options", "missing"),
    [
        ("messages", {"data": MESSAGE}, {"omnivery": "subject", "mailgun": "subject"}),
        ("messages", {"data": {**MESSAGE, "subject": ""}}, {}),
        ("complaints", {"data": {"address": ADDRESS}}, {"omnivery": "error"}),
        # Its table says required, its own text optional: the text wins.
        ("unsubscribes", {"data": {"address": ADDRESS}}, {}),
        ("whitelists", {"data": {"address": ADDRESS}}, {"omnivery": "address"}),
    ],
)
def test_strictness_refuses_what_lacks_a_required_field(
    client_of: Callable[[str], httpx.Client], path: str, options: dict[str, Any], missing: dict[str, str]
) -> None:
    for dialect in ("omnivery", "mailgun", "tolerant"):
        response = client_of(dialect).post(f"{HERE}/{path}", **options)
        assert refused(response) == missing.get(dialect), dialect
