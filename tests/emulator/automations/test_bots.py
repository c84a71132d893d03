"""The emulator's bot endpoints respond as the API's page says."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from omnivery.emulator import Emulator

NOWHERE = "http://127.0.0.1:9/hook"


def event(**fields: Any) -> dict[str, Any]:
    return {"ip": "198.51.100.1", "uas": "Mozilla/5.0", "event_id": "e1", **fields}


def batch(*events: Any, webhook_url: Any = NOWHERE) -> dict[str, Any]:
    return {"events": list(events), "webhook_url": webhook_url}


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator(max_body=200_000, webhook_retry_delays=()) as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Emulator:
    running.reset()
    return running


@pytest.fixture
def client(emu: Emulator) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=emu.automations_url, headers={"ov-token": emu.token}, verify=False, trust_env=False
    ) as made:
        yield made


def path(emu: Emulator) -> str:
    return f"/{emu.domain}/bot"


def test_a_batch_is_accepted_with_an_empty_200(emu: Emulator, client: httpx.Client) -> None:
    first, second = event(mine={"deep": [1]}), event(event_id="e2")
    response = client.post(path(emu), json=batch(first, second))
    assert (response.status_code, response.content) == (200, b"")
    assert emu.bot_events == [first, second]
    assert emu.bot_batches == [2]
    assert emu.requests == [("POST", "bot", 200)]


@pytest.mark.parametrize("token", ["", "wrong", "wröng"])
def test_a_missing_or_wrong_token_is_401(emu: Emulator, client: httpx.Client, token: str) -> None:
    headers = {b"ov-token": token.encode()}
    response = client.post(path(emu), json=batch(event()), headers=headers)
    assert (response.status_code, response.json()) == (401, {"message": "Unauthorized"})
    assert response.headers["content-type"] == "application/json"
    assert emu.bot_events == []
    assert client.get(f"{path(emu)}/x", headers=headers).status_code == 401


def test_a_domain_without_bot_detection_is_402(client: httpx.Client) -> None:
    """An unknown domain gets the same response: nothing tells a caller which domains exist."""
    response = client.post("/other.example.com/bot", json=batch(event()))
    assert response.status_code == 402
    assert response.json() == {"message": "Bot API is not enabled", "status": 402}


def test_bot_domains_enables_others() -> None:
    with Emulator(bot_domains=["Two.example.com"], webhook_retry_delays=()) as emu:
        headers = {"ov-token": emu.token}
        with httpx.Client(base_url=emu.automations_url, headers=headers, verify=False, trust_env=False) as client:
            assert client.post("/two.example.com/bot", data={"ip": "192.0.2.1"}).status_code == 200
            assert client.post(f"/{emu.domain}/bot", data={"ip": "192.0.2.1"}).status_code == 402


def test_path_segments_are_matched_encoded(emu: Emulator, client: httpx.Client) -> None:
    """`%2F` belongs to its segment: a path that were decoded first would name another route."""
    assert client.post("/mail%2Eexample.com/bot", json=batch(event())).status_code == 200
    assert client.post("/mail%2Fexample.com/bot", json=batch(event())).status_code == 402


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"webhook_url": NOWHERE},
        {"events": {}, "webhook_url": NOWHERE},
        batch(),
        batch(*[event()] * 501),
        {"events": [event()]},
        batch(event(), webhook_url=""),
        batch(event(), webhook_url=7),
        batch(event(), webhook_url="ftp://127.0.0.1/"),
        batch(event(), webhook_url="http:///path"),
        batch(event(), webhook_url="http://host:port/"),
        batch("event"),
        batch(event(), {"uas": "a", "event_id": "e"}),
        batch(event(), {"ip": "192.0.2.1", "event_id": "e"}),
        batch(event(), {"ip": "192.0.2.1", "uas": "a"}),
        batch(event(event_id=1)),
        batch(event(ip="192.0.2.256")),
        batch(event(ip="")),
    ],
)
def test_a_bad_batch_is_400_without_a_body(emu: Emulator, client: httpx.Client, body: Any) -> None:
    response = client.post(path(emu), json=body)
    assert (response.status_code, response.content) == (400, b"")
    assert emu.bot_events == []


@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
def test_what_is_neither_json_nor_form_is_400_without_a_body(
    emu: Emulator, client: httpx.Client, media_type: str
) -> None:
    response = client.post(path(emu), content=b"{events", headers={"content-type": media_type})
    assert (response.status_code, response.content) == (400, b"")


def test_500_events_are_the_most(emu: Emulator, client: httpx.Client) -> None:
    assert client.post(path(emu), json=batch(*[event()] * 500)).status_code == 200
    assert emu.bot_batches == [500]


@pytest.mark.parametrize("ip", ["2001:db8::1", "198.51.100.1"])
def test_both_address_families_are_taken(emu: Emulator, client: httpx.Client, ip: str) -> None:
    assert client.post(path(emu), json=batch(event(ip=ip))).status_code == 200


def test_a_body_beyond_the_limit_is_413(emu: Emulator, client: httpx.Client) -> None:
    """The connection stays usable: the client must see the response, not a reset in the middle of its own writing."""
    response = client.post(path(emu), json=batch(event(filler="x" * 2_000_000)))
    assert response.status_code == 413
    assert set(response.json()) == {"message"}
    assert client.post(path(emu), json=batch(event())).status_code == 200
    assert [seen.status for seen in emu.requests] == [413, 200]


def test_a_single_check_gets_its_verdict(emu: Emulator, client: httpx.Client) -> None:
    """The echo holds numbers where the API has numbers, though a form only carries text."""
    form = {"ip": "192.0.2.1", "ts": "1700000000", "message_ts": "later", "mine": "5"}
    response = client.post(path(emu), data=form)
    assert response.status_code == 200
    assert response.json() == {"is_bot": True, "request": {**form, "ts": 1_700_000_000}}
    assert emu.bot_events == [{**form, "ts": 1_700_000_000}]
    assert emu.bot_batches == []


def test_a_single_check_may_come_as_multipart(emu: Emulator, client: httpx.Client) -> None:
    response = client.post(path(emu), files={"uas": (None, "curl/8.5.0"), "file": ("name", b"content")})
    assert response.json() == {"is_bot": True, "request": {"uas": "curl/8.5.0"}}


@pytest.mark.parametrize(
    "form",
    [
        {"event_id": "e1"},
        {"ip": "", "uas": ""},
        {"ip": "not an address"},
        {"ip": "192.0.2.1", "webhook_url": "nowhere"},
    ],
)
def test_a_bad_single_check_is_400_without_a_body(emu: Emulator, client: httpx.Client, form: dict[str, str]) -> None:
    response = client.post(path(emu), data=form)
    assert (response.status_code, response.content) == (400, b"")
    assert emu.bot_events == []


def test_a_broken_multipart_form_is_400_without_a_body(emu: Emulator, client: httpx.Client) -> None:
    response = client.post(path(emu), content=b"junk", headers={"content-type": "multipart/form-data"})
    assert (response.status_code, response.content) == (400, b"")


def test_the_silent_network_is_never_judged(emu: Emulator, client: httpx.Client) -> None:
    """What a client's timeout on a pending verdict can be tested with."""
    response = client.post(path(emu), data={"ip": "203.0.113.1"})
    assert response.status_code == 202
    request_id = response.json()["request_id"]
    assert str(uuid.UUID(request_id)) == request_id
    result = client.get(f"{path(emu)}/{request_id}")
    assert result.status_code == 404
    assert result.json() == {"message": "Request UUID is not processed yet or has expired", "status": 404}


def test_a_later_response_is_404_first_and_then_the_verdict() -> None:
    with Emulator(single="later", result_delay=0.2) as emu:
        headers = {"ov-token": emu.token}
        with httpx.Client(base_url=f"{emu.automations_url}/", headers=headers, verify=False, trust_env=False) as client:
            response = client.post(path(emu), data={"ip": "192.0.2.1", "event_id": "e1"})
            assert response.status_code == 202
            result = f"{path(emu)}/{response.json()['request_id']}"
            assert client.get(result).status_code == 404
            while (found := client.get(result)).status_code == 404:
                continue
            assert found.json() == {"is_bot": True, "request": {"ip": "192.0.2.1", "event_id": "e1"}}
            # The result is that of its domain alone.
            assert client.get(result.replace(emu.domain, "other.example.com")).status_code == 404


def test_an_unknown_request_id_is_404(emu: Emulator, client: httpx.Client) -> None:
    assert client.get(f"{path(emu)}/{uuid.uuid4()}").json()["status"] == 404
    assert emu.requests == [("GET", "bot.result", 404)]


@pytest.mark.parametrize(("method", "where", "status"), [("GET", "/no/such/path", 404), ("DELETE", "/d/bot", 405)])
def test_an_unknown_path_or_method_is_refused_in_json(
    client: httpx.Client, method: str, where: str, status: int
) -> None:
    response = client.request(method, where)
    assert response.status_code == status
    assert set(response.json()) == {"message"}


def test_the_control_api_tells_and_forgets(emu: Emulator, client: httpx.Client) -> None:
    """It asks for no token: it is there for people and scripts beside the program under test."""
    client.post(path(emu), json=batch(event(event_id="e1"), event(event_id="e2")))
    del client.headers["ov-token"]
    emu.wait_idle(30)
    told = client.get("/_/events").json()
    assert (told["count"], [item["event_id"] for item in told["events"]]) == (2, ["e1", "e2"])
    (attempt,) = client.get("/_/webhooks").json()["webhooks"]
    assert (attempt["url"], attempt["attempt"], attempt["status"]) == (NOWHERE, 1, None)
    assert attempt["error"]
    for method, where in (("POST", "/_/reset"), ("DELETE", "/_/")):
        assert client.request(method, where, json={}).status_code == 200
    assert client.get("/_/events").json() == {"count": 0, "events": []}


def test_the_newest_events_are_kept_and_all_are_counted() -> None:
    with Emulator(max_events_kept=2) as emu:
        headers = {"ov-token": emu.token}
        with httpx.Client(base_url=emu.automations_url, headers=headers, verify=False, trust_env=False) as client:
            for number in range(3):
                client.post(path(emu), data={"ip": "192.0.2.1", "event_id": str(number)})
        assert [item["event_id"] for item in emu.bot_events] == ["1", "2"]
        assert emu.statistics.bot_events == 3
