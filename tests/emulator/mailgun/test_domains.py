"""Domains and credentials on the emulator's Mailgun surface: life cycles, responses and refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from omnivery.codec import parse_datetime
from omnivery.emulator import Emulator
from tests.support.emulator import mailgun_client


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


def create(client: httpx.Client, name: str, **form: Any) -> dict[str, Any]:
    response = client.post("/domains", data={"name": name, **form})
    assert response.status_code == 200, "creation responds 200, not 201"
    assert response.headers["content-type"] == "application/json"
    found: dict[str, Any] = response.json()
    return found


def states(client: httpx.Client, **query: Any) -> dict[str, str]:
    return {item["name"]: item["state"] for item in client.get("/domains", params=query).json()["items"]}


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["message"]


def test_the_first_domain_is_there_and_active(emu: Emulator, client: httpx.Client) -> None:
    listed = client.get("/domains").json()
    (item,) = listed["items"]
    assert (item["name"], item["state"], listed["total_count"]) == (emu.domain, "active", 1)
    assert (item["wildcard"], item["force_dkim_authority"]) == (False, False)
    assert parse_datetime(item["created_at"]) is not None
    assert item["created_at"].endswith("GMT")


def test_a_new_domain_is_pending_and_then_waits_for_its_dns_records(client: httpx.Client) -> None:
    """The page's example is `pending`; and the service vets a domain before its DNS counts."""
    made = create(client, "new.example.com", wildcard="true")
    assert set(made) == {"domain", "receiving_dns_records", "sending_dns_records"}
    assert (made["domain"]["state"], made["domain"]["wildcard"]) == ("pending", True)
    assert states(client)["new.example.com"] == "unverified"
    kinds = [record["record_type"] for record in made["sending_dns_records"]]
    assert kinds == ["CNAME", "CNAME", "TXT", "CNAME"]
    # A state on the DKIM records only, a priority on the MX only, truth values where Mailgun has text.
    assert [record.get("state") for record in made["sending_dns_records"]] == ["unverified"] * 2 + [None] * 2
    (mx,) = made["receiving_dns_records"]
    assert (mx["record_type"], mx["priority"], mx["valid"]) == ("MX", 10, False)


def test_verifying_makes_it_active_and_may_be_repeated(client: httpx.Client) -> None:
    create(client, "new.example.com")
    for _ in range(2):
        response = client.put("/domains/new.example.com/verify")
        assert (response.status_code, response.json()["domain"]["state"]) == (200, "active")
    shown = client.get("/domains/new.example.com").json()
    assert all(record["valid"] for record in shown["sending_dns_records"] + shown["receiving_dns_records"])


@pytest.mark.parametrize("state", ["pending", "rejected"])
def test_only_an_approved_domain_can_be_verified(client: httpx.Client, state: str) -> None:
    """Vetting is done by people; a name that begins with the state fixes how it went."""
    assert create(client, f"{state}.example.com")["domain"]["state"] == "pending"
    assert client.put(f"/domains/{state}.example.com/verify").status_code == 400
    assert states(client)[f"{state}.example.com"] == state


def test_disabling_is_for_good(client: httpx.Client, emu: Emulator) -> None:
    for _ in range(2):
        response = client.patch(f"/{emu.domain}/disable")
        assert (response.status_code, response.json()["domain"]["state"]) == (200, "disabled")
    assert client.put(f"/domains/{emu.domain}/verify").status_code == 400
    form = {"from": f"a@{emu.domain}", "to": "b@example.com", "subject": "s", "text": "t"}
    assert client.post(f"/{emu.domain}/messages", data=form).status_code == 403


def test_a_deleted_domain_is_gone(client: httpx.Client) -> None:
    create(client, "new.example.com")
    assert client.delete("/domains/new.example.com").json() == {"message": "Domain has been deleted"}
    assert refusal(client.get("/domains/new.example.com")) == (404, "Domain not found: new.example.com")
    assert client.delete("/domains/new.example.com").status_code == 404


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({}, "name parameter is missing"),
        ({"name": "mail.example.com"}, "This domain name is already taken"),
        ({"name": "localhost"}, "name is not a valid domain name"),
        ({"name": "a/b.com"}, "name is not a valid domain name"),
    ],
)
def test_bad_names_are_refused(client: httpx.Client, form: dict[str, str], message: str) -> None:
    assert refusal(client.post("/domains", data=form)) == (400, message)


def test_the_list_is_cut_and_filtered(client: httpx.Client, emu: Emulator) -> None:
    for number in range(3):
        create(client, f"d{number}.example.com")
    assert list(states(client, limit=2, skip=1)) == ["d0.example.com", "d1.example.com"]
    assert list(states(client, state="active")) == [emu.domain]
    assert client.get("/domains", params={"limit": 1, "state": "unverified"}).json()["total_count"] == 3


@pytest.mark.parametrize("query", [{"limit": "x"}, {"limit": 0}, {"limit": 1001}, {"skip": -1}])
def test_a_senseless_window_is_refused(client: httpx.Client, query: dict[str, Any]) -> None:
    assert client.get("/domains", params=query).status_code == 400


def test_tracking(client: httpx.Client, emu: Emulator) -> None:
    told = client.get(f"/domains/{emu.domain}/tracking").json()
    assert told == {"tracking": {"click": {"active": True}, "open": {"active": True}, "unsubscribe": {"active": False}}}
    assert client.get("/domains/no.example.com/tracking").status_code == 404


def test_newer_clients_find_domains_under_v4(emu: Emulator) -> None:
    base = f"{emu.automations_url}/v4"
    with httpx.Client(base_url=base, auth=("api", emu.api_key), verify=False, trust_env=False) as client:
        create(client, "new.example.com")
        assert client.put("/domains/new.example.com/verify").json()["domain"]["state"] == "active"
        assert client.get("/domains/new.example.com").status_code == 200
        assert len(states(client)) == 2


def test_credentials_from_creation_to_deletion(client: httpx.Client, emu: Emulator) -> None:
    where = f"/domains/{emu.domain}/credentials"
    made = client.post(where, data={"login": "bob.bar", "password": "secret"}).json()
    address = f"bob.bar@{emu.domain}"
    assert (made["username"], made["message"]) == (address, "Created 1 credentials pair")
    # The one place where times have a form of their own.
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", made["created_at"])
    listed = client.get(where).json()
    (user,) = listed["items"]
    assert (user["login"], user["mailbox"], listed["total_count"]) == (address, address, 1)
    assert "secret" not in str(listed)
    # A user may be named in full or in short; the at sign comes encoded or not.
    for login in ("bob.bar", f"bob.bar%40{emu.domain}", address):
        response = client.put(f"{where}/{login}", data={"password": "another"})
        assert response.json() == {"message": "Password changed"}
    assert client.delete(f"{where}/bob.bar").json() == {"message": "Credentials (1) deleted"}
    assert refusal(client.delete(f"{where}/bob.bar")) == (404, "Credentials not found")
    assert client.put(f"{where}/bob.bar", data={"password": "another"}).status_code == 404
    assert client.get(where).json() == {"items": [], "total_count": 0}


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"password": "secret"}, "login parameter is missing"),
        ({"login": "bob"}, "password parameter is missing"),
        ({"login": "bob", "password": "1234"}, "password must have from 5 to 32 characters"),
        ({"login": "bob", "password": "x" * 33}, "password must have from 5 to 32 characters"),
        ({"login": "ann", "password": "secret"}, "Credentials already exist"),
    ],
)
def test_bad_credentials_are_refused(client: httpx.Client, emu: Emulator, form: Any, message: str) -> None:
    where = f"/domains/{emu.domain}/credentials"
    client.post(where, data={"login": "ann", "password": "secret"})
    assert refusal(client.post(where, data=form)) == (400, message)


def test_resetting_brings_the_first_domain_back(client: httpx.Client, emu: Emulator) -> None:
    create(client, "new.example.com")
    client.patch(f"/{emu.domain}/disable")
    emu.reset()
    assert states(client) == {emu.domain: "active"}
    create(client, "new.example.com")
    assert client.post(f"{emu.automations_url}/_/reset", json={}).status_code == 200
    assert list(states(client)) == [emu.domain]
