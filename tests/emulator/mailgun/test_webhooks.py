"""Webhooks and addresses on the emulator's Mailgun surface."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from omnivery.emulator import Emulator
from tests.support.emulator import mailgun_client

URLS = [f"https://example.com/{name}" for name in "abcd"]


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Emulator:
    running.reset()
    return running


@pytest.fixture
def client(emu: Emulator) -> Iterator[httpx.Client]:
    with mailgun_client(emu) as made:
        yield made


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["message"]


def test_webhooks_from_creation_to_deletion(emu: Emulator, client: httpx.Client) -> None:
    where = f"/domains/{emu.domain}/webhooks"
    assert client.get(where).json() == {"webhooks": {}}
    made = client.post(where, data={"id": "opened", "url": URLS[:3]})
    assert made.json() == {"message": "Webhook has been created", "webhook": {"urls": URLS[:3]}}
    assert client.get(where).json() == {"webhooks": {"opened": {"urls": URLS[:3]}}}
    assert client.get(f"{where}/opened").json() == {"webhook": {"urls": URLS[:3]}}
    assert refusal(client.post(where, data={"id": "opened", "url": URLS[0]})) == (400, "Webhook already exists")
    changed = client.put(f"{where}/opened", data={"url": URLS[3]})
    assert changed.json() == {"message": "Webhook has been updated", "webhook": {"urls": URLS[3:]}}
    gone = client.delete(f"{where}/opened")
    assert gone.json() == {"message": "Webhook has been deleted", "webhook": {"urls": URLS[3:]}}
    for method in ("GET", "PUT", "DELETE"):
        assert refusal(client.request(method, f"{where}/opened", data={"url": URLS[0]})) == (404, "Webhook not found")


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"url": URLS[0]}, "id parameter is missing"),
        ({"id": "opened"}, "url parameter is missing"),
        ({"id": "opened", "url": URLS}, "Too many URLs, max is 3"),
        ({"id": "opened", "url": "ftp://example.com"}, "url parameter is not a valid URL"),
    ],
)
def test_bad_webhooks_are_refused(emu: Emulator, client: httpx.Client, form: Any, message: str) -> None:
    assert refusal(client.post(f"/domains/{emu.domain}/webhooks", data=form)) == (400, message)


def validate(emu: Emulator, address: str) -> dict[str, Any]:
    with mailgun_client(emu, emu.sending_key) as client:
        found: dict[str, Any] = client.get("/address/private/validate", params={"address": address}).json()
        return found


def test_a_good_address(emu: Emulator) -> None:
    assert validate(emu, "Ann+x@Example.org") == {
        "address": "Ann+x@Example.org",
        "did_you_mean": None,
        "is_disposable_address": False,
        "is_role_address": False,
        "is_valid": True,
        "parts": {"domain": "Example.org", "local_part": "Ann+x"},
        "reason": "accepted_email",
    }


@pytest.mark.parametrize(
    ("address", "reason", "valid"),
    [
        ("nobody", "invalid_email", False),
        ("a b@example.org", "invalid_email", False),
        ("a@example..org", "invalid_email", False),
        ("ann@none.invalid", "invalid_domain", False),
        ("hardbounce@example.org", "rejected_email", False),
        ("softbounce@example.org", "timeout", True),
        ("info@example.org", "low_quality", True),
        ("ann@mailinator.com", "low_quality", True),
    ],
)
def test_addresses_are_judged_by_fixed_rules(emu: Emulator, address: str, reason: str, valid: bool) -> None:
    found = validate(emu, address)
    assert (found["reason"], found["is_valid"]) == (reason, valid)


def test_what_else_is_said_of_an_address(emu: Emulator) -> None:
    assert validate(emu, "ann@gmial.com")["did_you_mean"] == "ann@gmail.com"
    assert validate(emu, "info@example.org")["is_role_address"] is True
    assert validate(emu, "ann@mailinator.com")["is_disposable_address"] is True


@pytest.mark.parametrize("address", ["", "a" * 512 + "@example.org"])
def test_an_address_must_be_there_and_not_too_long(emu: Emulator, address: str) -> None:
    assert set(validate(emu, address)) == {"message"}


def test_lists_of_addresses_are_read(client: httpx.Client) -> None:
    text = '"Doe, Ann" <ann@example.org>, nobody, Zoë <zoë@ä.example>,, bob@example.org'
    assert client.get("/address/private/parse", params={"addresses": text}).json() == {
        "parsed": [
            {"email": "ann@example.org", "domain": "example.org", "localpart": "ann", "name": "Doe, Ann"},
            {"email": "zoë@ä.example", "domain": "ä.example", "localpart": "zoë", "name": "Zoë"},
            {"email": "bob@example.org", "domain": "example.org", "localpart": "bob", "name": ""},
        ],
        "unparseable": ["nobody"],
    }
    assert client.get("/address/private/parse").status_code == 400
