"""`mailgun`, Mailgun's own client for Python, makes the calls of its own examples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest

from omnivery.emulator import Emulator
from tests.interop.other_clients import hold_to_the_page, versions

# Loaded by name: the package is there in this session alone, so type checkers cannot know it.
client_module: Any = pytest.importorskip("mailgun.client")

# It warns that Mailgun has newer endpoints for statistics; Omnivery has these.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def client(emu: Emulator) -> Iterator[Any]:
    with client_module.Client(auth=("api", emu.api_key), api_url=emu.automations_url) as made:
        yield made


def body(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def test_messages(emu: Emulator, client: Any) -> None:
    form = {
        "from": f"News <news@{emu.domain}>",
        "to": ["ann@example.org", "bob@example.org"],
        "cc": "cid@example.org",
        "subject": "Grüße",
        "html": "<p>Hello</p>",
        "o:tag": ["September newsletter", "newsletters"],
        "o:tracking": False,
    }
    files = [("attachment", ("übersicht.txt", b"\x00one\xff")), ("inline", ("two.png", b"\x89PNG"))]
    queued = body(client.messages.create(data=form, files=files, domain=emu.domain))
    assert queued["message"] == "Queued. Thank you."
    (message,) = emu.messages
    assert (message.id, message.subject, message.values("o:tag")) == (queued["id"], "Grüße", form["o:tag"])
    assert message.recipients == ("ann@example.org", "bob@example.org", "cid@example.org")
    assert [(file.name, file.content) for file in message.attachments] == [("übersicht.txt", b"\x00one\xff")]
    assert [(file.name, file.content) for file in message.inline] == [("two.png", b"\x89PNG")]


def test_mime_messages(emu: Emulator, client: Any) -> None:
    mime = f"From: news@{emu.domain}\r\nTo: ann@example.org\r\nSubject: Hi\r\n\r\nHello\r\n".encode()
    form = {"from": f"news@{emu.domain}", "to": "ann@example.org", "subject": "Hi"}
    body(client.mimemessage.create(data=form, files={"message": mime}, domain=emu.domain))
    assert emu.messages[0].mime == mime


def test_domains(client: Any) -> None:
    name = "new.example.com"
    assert body(client.domains.create(data={"name": name}))["domain"]["name"] == name
    assert body(client.domains.put(domain=name, verify=True))["domain"]["state"] == "active"
    assert body(client.domains.get(domain=name))["domain"]["name"] == name
    assert body(client.domainlist.get())["total_count"] == 2
    assert body(client.domains_tracking.get(domain=name))["tracking"]["open"] == {"active": True}
    assert body(client.domains.delete(domain=name))["message"] == "Domain has been deleted"


def test_credentials(emu: Emulator, client: Any) -> None:
    login = f"alice_bob@{emu.domain}"
    made = client.domains_credentials.create(domain=emu.domain, data={"login": login, "password": "test_new_creds"})
    assert body(made)["username"] == login
    body(client.domains_credentials.put(domain=emu.domain, data={"password": "test_newer_creds"}, login=login))
    assert body(client.domains_credentials.get(domain=emu.domain))["items"][0]["login"] == login
    body(client.domains_credentials.delete(domain=emu.domain, login=login))
    assert body(client.domains_credentials.get(domain=emu.domain))["total_count"] == 0


@pytest.mark.parametrize("name", ["bounce", "complaint", "unsubscribe", "whitelist"])
def test_suppressions(emu: Emulator, client: Any, name: str) -> None:
    endpoint, one = getattr(client, f"{name}s"), {f"{name}_address": "a+b@example.org"}
    record = {"address": "a+b@example.org", **({"code": 550, "error": "e"} if name == "bounce" else {})}
    body(endpoint.create(data=record, domain=emu.domain))
    if name != "whitelist":
        json_header = {"Content-Type": "application/json"}
        many = [{"address": f"{n}@example.org"} for n in range(3)]
        for data in ({"address": "c@example.org"}, many, json.dumps(many)):
            body(endpoint.create(data=data, domain=emu.domain, headers=json_header))
        assert len(body(endpoint.get(domain=emu.domain))["items"]) == 5
    found = body(endpoint.get(domain=emu.domain, **one))
    assert found.get("address", found.get("value")) == "a+b@example.org"
    body(endpoint.delete(domain=emu.domain, **one))
    body(endpoint.get(domain=emu.domain, **one), 404)
    body(client.bounces.delete(domain=emu.domain))


def test_webhooks(emu: Emulator, client: Any) -> None:
    made = client.domains_webhooks.create(domain=emu.domain, data={"id": "clicked", "url": ["https://example.com/"]})
    assert body(made)["webhook"] == {"urls": ["https://example.com/"]}
    urls = [("url", "https://example.com/a"), ("url", "https://example.com/b")]
    body(client.domains_webhooks.put(domain=emu.domain, webhook_name="clicked", data=urls))
    assert body(client.domains_webhooks.get(domain=emu.domain, webhook_name="clicked"))["webhook"] == {
        "urls": ["https://example.com/a", "https://example.com/b"]
    }
    assert set(body(client.domains_webhooks.get(domain=emu.domain))["webhooks"]) == {"clicked"}
    body(client.domains_webhooks.delete(domain=emu.domain, webhook_name="clicked"))


def test_statistics(emu: Emulator, client: Any) -> None:
    told = body(client.stats_total.get(domain=emu.domain, filters={"event": ["accepted", "failed"], "duration": "1m"}))
    assert set(told["stats"][0]) == {"time", "accepted", "failed"}


def sights(emu: Emulator) -> dict[str, Any]:
    """What the client sees that may depend on the dialect, and the calls that are not served."""
    seen: dict[str, Any] = {}
    with client_module.Client(auth=("api", emu.api_key), api_url=emu.automations_url) as client:
        made = body(client.domains.create(data={"name": "new.example.com"}))
        seen["domains.create: domain.state"], seen["domains.create: message"] = (
            made["domain"]["state"],
            made.get("message"),
        )
        seen["domains.create: receiving_dns_records[0].priority"] = made["receiving_dns_records"][0]["priority"]
        record, as_json = {"address": "a@example.org"}, {"Content-Type": "application/json"}
        alone = client.bounces.create(data=record, domain=emu.domain, headers=as_json)
        seen["bounces.create, one JSON object: status"] = alone.status_code
        body(client.whitelists.create(data=record, domain=emu.domain))
        entry = body(client.whitelists.get(domain=emu.domain, whitelist_address="a@example.org"))
        seen["whitelists.get: reason"] = entry.get("reason")
        body(client.complaints.create(data={**record, "error": "e"}, domain=emu.domain))
        complaint = body(client.complaints.get(domain=emu.domain, complaint_address="a@example.org"))
        seen["complaints.get: description"] = complaint.get("description")
        for name in ("events", "tags", "routes", "lists", "templates", "ips"):
            seen[f"{name}.get"] = getattr(client, name).get(domain=emu.domain).status_code
    return seen


def test_what_the_page_says_of_it(emulators: dict[str, Emulator]) -> None:
    hold_to_the_page("mailgun", **{name: sights(emu) for name, emu in emulators.items()})
    assert versions()["mailgun"] == version("mailgun")


def test_a_wrong_key(emu: Emulator) -> None:
    with client_module.Client(auth=("api", "wrong"), api_url=emu.automations_url) as client:
        response = client.domains.get(domain=emu.domain)
        assert (response.status_code, response.text) == (401, "Forbidden")


@pytest.mark.asyncio
async def test_the_asynchronous_client(emu: Emulator) -> None:
    form = {"from": f"news@{emu.domain}", "to": "ann@example.org", "subject": "Hi", "text": "Hello"}
    async with client_module.AsyncClient(auth=("api", emu.sending_key), api_url=emu.automations_url) as client:
        queued = body(await client.messages.create(data=form, domain=emu.domain))
    assert queued["id"] == emu.messages[0].id
