"""The Mailgun surface asks each endpoint's kind of key, and refuses in the word that Mailgun refuses with."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from omnivery.emulator import Emulator
from omnivery.emulator.app import ROUTE_TABLES
from omnivery.transport.operation import KeyKind
from tests.support.emulator import automations_client, mailgun_client


@pytest.fixture(scope="module")
def emu() -> Iterator[Emulator]:
    with Emulator(api_key="primary-key", sending_key="sending-key", token="the-token") as made:
        yield made


def ask(emu: Emulator, method: str, path: str, key: str, user: str = "api") -> httpx.Response:
    auth = httpx.BasicAuth(user, key)
    return httpx.request(method, f"{emu.mailgun_url}{path}", auth=auth, verify=False, trust_env=False)


def forbidden(response: httpx.Response) -> bool:
    return response.status_code == 401


@pytest.mark.parametrize(
    "header",
    [None, "", "Basic", "Basic !!", "Basic ä", "Basic /w==", "Bearer cHJpbWFyeS1rZXk=", "Basic cHJpbWFyeS1rZXk="],
)
def test_without_a_key_the_response_is_the_bare_word(emu: Emulator, header: str | None) -> None:
    """Clients must cope with a response that is no JSON: Mailgun's own is none."""
    headers = {} if header is None else {b"authorization": header.encode("latin-1")}
    response = httpx.get(f"{emu.mailgun_url}/domains", headers=headers, verify=False, trust_env=False)
    assert (response.status_code, response.text) == (401, "Forbidden")
    assert response.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(("user", "key"), [("api", "wrong"), ("api", "wröng"), ("else", "primary-key"), ("api", "")])
def test_a_wrong_key_or_user_is_refused(emu: Emulator, user: str, key: str) -> None:
    response = ask(emu, "GET", "/domains", key, user)
    assert (response.status_code, response.text) == (401, "Forbidden")


def test_either_surface_has_its_own_credential(emu: Emulator) -> None:
    assert forbidden(ask(emu, "GET", "/domains", "the-token"))
    with automations_client(emu) as client:
        assert client.get("/domains", headers={"ov-token": "primary-key"}).status_code == 401
        assert client.get("/domains").status_code == 200


KINDS = {
    row.name: (row.method, row.path, row.key)
    for surface in ROUTE_TABLES
    if surface.prefix == "/v3"
    for row in surface.routes
}


@pytest.mark.parametrize("name", KINDS)
def test_every_endpoint_takes_its_kind_of_key_and_no_other(emu: Emulator, name: str) -> None:
    method, path, kind = KINDS[name]
    filled = path.format(domain=emu.domain, address="a@b.c", login="x", webhookname="opened")
    primary, sending = kind is not KeyKind.SENDING, kind is not KeyKind.PRIMARY
    # Sending first: DELETE and PATCH by the primary key would take the domain away.
    assert forbidden(ask(emu, method, filled, "sending-key")) is not sending
    assert forbidden(ask(emu, method, filled, "primary-key")) is not primary
    emu.reset()


def test_the_kinds_are_those_of_the_page() -> None:
    """Written down a second time, from the page: a slip in the table must not pass for a fact."""
    special = {
        "messages": KeyKind.EITHER,
        "messages.mime": KeyKind.EITHER,
        "addresses.validate": KeyKind.SENDING,
        "addresses.parse": KeyKind.ANY,
        "domains.list": KeyKind.ANY,
        "domains.get": KeyKind.ANY,
        "stats.total": KeyKind.ANY,
        "webhooks.list": KeyKind.ANY,
    }
    assert {name: kind for name, (_, _, kind) in KINDS.items() if kind is not KeyKind.PRIMARY} == special


def test_a_sending_key_is_good_for_its_own_domain_alone(emu: Emulator) -> None:
    with mailgun_client(emu) as client:
        client.post("/domains", data={"name": "two.example.com"})
    assert ask(emu, "GET", f"/domains/{emu.domain.upper()}", "sending-key").status_code == 200
    assert forbidden(ask(emu, "GET", "/domains/two.example.com", "sending-key"))
    listed = ask(emu, "GET", "/domains", "sending-key").json()
    assert ([item["name"] for item in listed["items"]], listed["total_count"]) == ([emu.domain], 1)
    emu.reset()


def test_what_this_surface_does_not_have_is_not_looked_for_on_the_other(emu: Emulator) -> None:
    """`/v3/validate` looks like the other surface's `/{domain}/validate`."""
    for path in ("/validate", "/no/such", ""):
        response = ask(emu, "GET", path, "primary-key")
        assert (response.status_code, response.json()) == (404, {"message": "Not Found"})
    assert ask(emu, "POST", f"/domains/{emu.domain}", "primary-key").status_code == 405
