"""No web page can command the emulator, or read it: by its name, its origin, or a simple request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from omnivery.emulator import Emulator
from omnivery.emulator.browser_guard import SEALED, is_own_host
from omnivery.emulator.receiver import PATH as RECEIVER

EVIL = {"origin": "https://evil.example"}
FOLLOWED = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.fixture(scope="module")
def emu() -> Iterator[Emulator]:
    with Emulator(webhook_retry_delays=(), allow_hosts=["emulator:8025", "Mail.Test."]) as emulator:
        yield emulator


def call(emu: Emulator, method: str = "GET", path: str = "/_/messages", **options: Any) -> httpx.Response:
    with httpx.Client(base_url=emu.automations_url, verify=False, trust_env=False) as client:
        return client.request(method, path, **options)


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost:8025", True),
        ("LOCALHOST.", True),
        ("app.localhost", True),
        ("127.0.0.1:1", True),
        ("127.9.9.9", True),
        ("[::1]:8025", True),
        ("192.168.1.20:8025", True),
        ("", True),
        ("emulator:9999", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("emulator.evil.example", False),
        ("notlocalhost", False),
        ("[::1", False),
        ("evil.example:80@localhost", True),
        ("user@evil.example", False),
        ('"><script>', False),
    ],
)
def test_names_of_this_machine_are_known(host: str, *, own: bool) -> None:
    """An attacker's name can point here (DNS rebinding); an IP address is only ever itself."""
    assert is_own_host(host, {"emulator"}) is own
    assert is_own_host(host, {"*"})


@pytest.mark.parametrize("path", ["/", "/_/events", "/_/messages", "/_/no-such", "/healthz", "/_/openapi.json"])
def test_a_name_that_may_be_an_attackers_is_refused(emu: Emulator, path: str) -> None:
    response = call(emu, path=path, headers={"host": "evil.example"})
    assert response.status_code == 421
    assert "--allow-host" in response.json()["message"]
    assert "evil" not in response.text


def test_allowed_names_and_the_apis_work(emu: Emulator) -> None:
    for host in ("emulator:1", "mail.test"):
        assert call(emu, headers={"host": host}).status_code == 200
    # A container calls the APIs, and the receiver of webhooks, by whatever name it has for this machine.
    foreign = {"host": "host.docker.internal", "ov-token": emu.token}
    assert call(emu, path="/test", headers=foreign).status_code == 200
    assert call(emu, "POST", "/_/webhook", headers=foreign, json={}).status_code == 406


@pytest.mark.parametrize(
    "headers",
    [
        EVIL,
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://[::1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {**FOLLOWED, "sec-fetch-dest": "iframe"},
        {**FOLLOWED, **EVIL},
    ],
)
def test_another_site_is_refused(emu: Emulator, headers: dict[str, str]) -> None:
    assert call(emu, headers=headers).status_code == 403
    assert call(emu, "POST", "/_/reset", headers=headers, json={}).status_code == 403
    assert call(emu, "DELETE", "/_/messages", headers=headers).status_code == 403


def test_a_browser_is_told_that_others_may_not_ask(emu: Emulator) -> None:
    """The preflight of a request with JSON: without permission the browser does not send it."""
    ask = {**EVIL, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    for path in ("/_/reset", "/_/messages", "/v3/mail.example.com/messages", "/mail.example.com/bot"):
        response = call(emu, "OPTIONS", path, headers=ask)
        assert not response.is_success
        assert "access-control-allow-origin" not in response.headers


def test_a_link_to_the_page_can_be_followed(emu: Emulator) -> None:
    assert call(emu, path="/", headers=FOLLOWED).status_code == 200
    assert call(emu, "POST", "/_/reset", headers=FOLLOWED, json={}).status_code == 403


def test_the_emulators_own_page_may_command_it(emu: Emulator) -> None:
    own = {"origin": emu.automations_url, "sec-fetch-site": "same-origin"}
    assert call(emu, "POST", "/_/reset", headers=own, json={}).status_code == 200


@pytest.mark.parametrize("path", ["/_/reset", "/_/fail", "/_/trigger/opened", "/_/deliveries/1/resend"])
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_a_simple_request_changes_nothing(emu: Emulator, path: str, media_type: str | None) -> None:
    """Any page can send these anywhere; old browsers do so without an Origin."""
    headers = {"content-type": media_type} if media_type else {}
    response = call(emu, "POST", path, headers=headers, content=b'{"where": "bot", "status": 400}')
    assert response.status_code == 415
    assert "content-type: application/json" in response.json()["message"]


@pytest.mark.parametrize(
    "headers", [{"content-type": "Application/JSON; charset=utf-8"}, {"x-omnivery-control": "1"}, {"ov-token": "x"}]
)
def test_a_deliberate_request_is_carried_out(emu: Emulator, headers: dict[str, str]) -> None:
    assert call(emu, "POST", "/_/reset", headers=headers).status_code == 200


def test_responses_are_of_no_use_to_other_sites(emu: Emulator) -> None:
    for path in ("/_/messages", "/_/no-such", "/"):
        headers = call(emu, path=path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/v3/domains", "/v3/no-such", "/auth/test", "/no-such/path", RECEIVER])
def test_responses_of_the_apis_are_data_to_a_browser(emu: Emulator, path: str) -> None:
    """They quote what clients sent, and some browser may guess that it is HTML."""
    for user in (("api", emu.api_key), None):
        headers = call(emu, path=path, auth=user, headers={"ov-token": emu.token if user else "wrong"}).headers
        assert headers.get_list("x-content-type-options") == ["nosniff"]
        assert headers.get_list("content-security-policy") == [SEALED]


def test_a_policy_that_a_response_has_stays(emu: Emulator) -> None:
    emu.fail_next("domains.list", body="<p>")
    headers = call(emu, path="/v3/domains", auth=("api", emu.api_key)).headers
    assert headers.get_list("content-security-policy") == ["sandbox"]
    assert headers.get_list("x-content-type-options") == ["nosniff"]
