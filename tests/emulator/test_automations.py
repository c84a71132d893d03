"""The emulator's Automations surface beside bot detection: every route's response and every refusal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from omnivery.emulator import Emulator
from omnivery.webhooks.signature import verify
from tests.support.emulator import (
    Hook,
    automations_client,
    listening,
    mailgun_client,
)

FORM = {"from": "News <news@mail.example.com>", "to": "ann@example.org", "subject": "Hi", "text": "Hello"}


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator(signing_key="a-signing-key", webhook_retry_delays=()) as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Emulator:
    running.reset()
    return running


@pytest.fixture
def client(emu: Emulator) -> Iterator[httpx.Client]:
    with automations_client(emu) as made:
        yield made


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as made:
        yield made


def multipart(form: dict[str, Any]) -> list[tuple[str, tuple[None, str]]]:
    return [
        (name, (None, item)) for name, value in form.items() for item in (value if isinstance(value, list) else [value])
    ]


@pytest.mark.parametrize("encoding", ["multipart", "form"])
def test_a_message_is_queued_and_delivered(emu: Emulator, client: httpx.Client, hook: Hook, encoding: str) -> None:
    form = {
        **FORM,
        "template_variables": '{"a": 1}',
        "domain": "ignored.example.com",
        "callback_url": f"{hook.url}/hook",
    }
    options: dict[str, Any] = {"data": form} if encoding == "form" else {"files": multipart(form)}
    response = client.post(f"/{emu.domain}/messages", **options)
    assert (response.status_code, response.json()["message"]) == (200, "Queued. Thank you.")
    emu.wait_idle(30)
    (message,) = emu.messages
    assert (message.surface, message.domain, message.fields) == ("automations", emu.domain, tuple(form.items()))
    assert [event["event"] for event in hook.events()] == ["delivered"]


def test_files_and_test_mode(emu: Emulator, client: httpx.Client) -> None:
    files = {"attachment": ("ä.txt", b"\x00\xff", "text/plain"), "inline": ("b.png", b"png", "image/png")}
    client.post(f"/{emu.domain}/messages", data={**FORM, "o:testmode": "true"}, files=files)
    (message,) = emu.messages
    assert message.test_mode is True
    assert (message.attachments[0].name, message.attachments[0].content) == ("ä.txt", b"\x00\xff")
    assert message.inline[0].content == b"png"


def test_a_bad_message_is_refused(emu: Emulator, client: httpx.Client) -> None:
    response = client.post(f"/{emu.domain}/messages", data={"to": "ann@example.org"})
    assert (response.status_code, response.json()) == (400, {"message": "from parameter is missing"})
    response = client.post(f"/{emu.domain}/messages", data={**FORM, "template_variables": "x"})
    assert response.json() == {"message": "'template_variables' parameter is not a valid JSON"}


def test_every_route_asks_for_the_token(emu: Emulator) -> None:
    routes = [
        ("POST", f"/{emu.domain}/messages"),
        ("GET", f"/{emu.domain}/validate"),
        ("POST", f"/{emu.domain}/suppress"),
        ("GET", "/address/parse"),
        ("GET", "/domains"),
        ("GET", f"/domains/{emu.domain}"),
        ("GET", "/test"),
        ("POST", f"/domains/{emu.domain}/webhooks"),
        ("DELETE", f"/domains/{emu.domain}/webhooks/opened"),
        ("GET", f"/domains/{emu.domain}/webhooks/opened/sample"),
    ]
    for method, path in routes:
        response = httpx.request(method, f"{emu.automations_url}{path}", verify=False, trust_env=False)
        assert (response.status_code, response.json()) == (401, {"message": "Unauthorized"}), path


def test_validation_is_kickbox_s(emu: Emulator, client: httpx.Client) -> None:
    found = client.get(f"/{emu.domain}/validate", params={"address": "Info@Gmail.com"}).json()
    assert isinstance(found.pop("timeLogged"), int)
    assert found == {
        "result": "risky",
        "reason": "low_quality",
        "role": True,
        "free": True,
        "disposable": False,
        "accept_all": False,
        "did_you_mean": None,
        "sendex": 0.5,
        "email": "info@gmail.com",
        "user": "info",
        "domain": "gmail.com",
        "success": True,
        "message": None,
    }
    assert client.get(f"/{emu.domain}/validate").status_code == 400
    assert client.get("/no.example.com/validate", params={"address": "a@b.co"}).status_code == 404


def test_parsing_leaves_names_out(client: httpx.Client) -> None:
    found = client.get("/address/parse", params={"addresses": "Ann <ann@example.org>, x"}).json()
    parsed = [{"email": "ann@example.org", "domain": "example.org", "localpart": "ann"}]
    assert found == {"parsed": parsed, "unparseable": ["x"]}


@pytest.mark.parametrize(
    ("kind", "listed", "reason"),
    [
        ("bounce", "bounces", "suppress-bounce"),
        ("complaint", "complaints", "suppress-complaint"),
        ("unsubscribe", "unsubscribes", "suppress-unsubscribe"),
        ("block", None, "suppress-block"),
    ],
)
def test_a_suppression_gets_an_empty_response_and_works(
    *, emu: Emulator, client: httpx.Client, hook: Hook, kind: str, listed: str | None, reason: str
) -> None:
    form = {"address": "ann@example.org", "type": kind, "error": "why"}
    response = client.post(f"/{emu.domain}/suppress", files=multipart(form))
    assert (response.status_code, response.content) == (200, b"")
    with mailgun_client(emu) as other:
        for name in ("bounces", "complaints", "unsubscribes"):
            found = other.get(f"/{emu.domain}/{name}").json()["items"]
            assert [item["error"] for item in found] == (["why"] if name == listed else [])
    client.post(f"/{emu.domain}/messages", data={**FORM, "callback_url": f"{hook.url}/hook"})
    emu.wait_idle(30)
    assert [event["reason"] for event in hook.events()] == [reason]


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"type": "block"},
        {"address": "x", "type": "block"},
        {"address": "a@b.co", "type": "x"},
    ],
)
def test_bad_suppressions_are_refused(emu: Emulator, client: httpx.Client, form: dict[str, str]) -> None:
    assert client.post(f"/{emu.domain}/suppress", data=form).status_code == 400


def test_domains_come_in_a_bare_array(emu: Emulator, client: httpx.Client) -> None:
    with mailgun_client(emu) as other:
        other.post("/domains", data={"name": "new.example.com"})
    first, second = client.get("/domains").json()
    assert (first["id"], first["cid"], first["name"], first["state"]) == (1, 1, emu.domain, "active")
    assert (second["name"], second["state"], second["data_location"]) == ("new.example.com", "unverified", "eu1")


def test_one_domain_and_its_dns_records(emu: Emulator, client: httpx.Client) -> None:
    where = f"/domains/{emu.domain}"
    found = client.get(where).json()
    assert set(found) == {"domain"}
    assert (found["domain"]["channel"], found["domain"]["limit"]) == ("email", "5000/86400")
    assert found["domain"]["seedmail"] == f"seed@{emu.domain}"
    assert "force_dkim_authority" not in found["domain"]
    assert set(client.get(where, params={"dns": "false"}).json()) == {"domain"}
    with_dns = client.get(where, params={"dns": "true"}).json()
    assert set(with_dns) == {"domain", "receiving_dns_records", "sending_dns_records"}
    assert client.get("/domains/no.example.com").json() == {"message": "Domain not found: no.example.com"}


def test_the_token_s_own_account(emu: Emulator, client: httpx.Client) -> None:
    auth = {"cid": 1, "did": 1, "tid": 1, "domain": emu.domain, "role": "sending"}
    assert client.get("/test").json() == {"auth": auth}


def test_a_webhook_is_tried_out_first(emu: Emulator, client: httpx.Client, hook: Hook) -> None:
    where, urls = f"/domains/{emu.domain}/webhooks", [f"{hook.url}/hook", f"{hook.url}/b"]
    response = client.post(where, files=multipart({"id": "hardbounced", "url": urls}))
    assert (response.status_code, response.json()) == (
        200,
        {"message": "Webhook has been updated", "webhook": {"urls": urls}},
    )
    assert [path for path, _ in hook.calls] == ["/hook", "/b"]
    probe = hook.calls[0][1]
    assert verify(probe, "a-signing-key"), "or a receiver that verifies could never be registered"
    assert (probe["event-data"]["event"], probe["event-data"]["flags"]) == ("failed", {"is-system-test": True})
    assert emu.webhook_attempts == [], "a probe is no delivery"
    hook.calls.clear()
    client.post(f"/{emu.domain}/messages", data={**FORM, "to": "hardbounce@example.org"})
    emu.wait_idle(30)
    assert sorted(path for path, _ in hook.calls) == ["/b", "/hook"]


def test_creating_again_replaces(emu: Emulator, client: httpx.Client, hook: Hook) -> None:
    where = f"/domains/{emu.domain}/webhooks"
    for path in "ab":
        assert client.post(where, data={"id": "opened", "url": f"{hook.url}/{path}"}).is_success
    with mailgun_client(emu) as other:
        assert other.get(where).json() == {"webhooks": {"opened": {"urls": [f"{hook.url}/b"]}}}


def test_a_url_that_fails_is_not_taken(emu: Emulator, client: httpx.Client, hook: Hook) -> None:
    where, urls = f"/domains/{emu.domain}/webhooks", [f"{hook.url}/hook", f"{hook.url}/gone"]
    response = client.post(where, data={"id": "opened", "url": urls})
    assert (response.status_code, response.json()) == (
        402,
        {"errors": ["URL endpoint failed with error 404 - Not Found"]},
    )
    response = client.post(where, data={"id": "opened", "url": "http://127.0.0.1:9/"})
    assert response.status_code == 402
    assert response.json()["errors"][0].startswith("URL endpoint failed with error no connection could be made")
    assert client.delete(f"{where}/opened").status_code == 402
    assert client.post(where, data={"id": "opened"}).status_code == 400


def test_deleting_a_webhook(emu: Emulator, client: httpx.Client, hook: Hook) -> None:
    where = f"/domains/{emu.domain}/webhooks"
    client.post(where, data={"id": "opened", "url": f"{hook.url}/hook"})
    assert client.delete(f"{where}/opened").json() == {"message": "Webhook has been deleted"}
    response = client.delete(f"{where}/opened")
    assert (response.status_code, response.json()) == (402, {"message": "No webhooks deleted"})


@pytest.mark.parametrize("kind", ["delivered", "opened", "hardbounced", "never-heard-of"])
def test_a_sample_is_an_array_and_lacks_what_the_page_s_lacks(emu: Emulator, client: httpx.Client, kind: str) -> None:
    (payload,) = client.get(f"/domains/{emu.domain}/webhooks/{kind}/sample").json()
    assert verify(payload, "a-signing-key")
    data = payload["event-data"]
    assert not {"event", "id", "user-variables"} & set(data)
    assert "message-id" not in data["message"]["headers"]
    if kind == "opened":
        assert data["client-info"]["suspected-bot"] is False
    else:
        assert isinstance(data["delivery-status"]["message"], list)
