"""The emulator as an object: it starts, stops, tells where it is, and keeps its secrets."""

from __future__ import annotations

import logging
import math
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from anyio import to_thread

from omnivery import Automations, Mailgun
from omnivery.emulator import Emulator
from omnivery.emulator.store import Store
from omnivery.errors import ConfigError
from tests.support.emulator import automations_client


def check(emu: Emulator, token: str) -> int:
    url = f"{emu.automations_url}/{emu.domain}/bot"
    return httpx.post(
        url, data={"ip": "192.0.2.1"}, headers={"ov-token": token}, verify=False, trust_env=False
    ).status_code


def test_two_emulators_know_nothing_of_each_other() -> None:
    with Emulator() as one, Emulator() as other:
        assert one.automations_url != other.automations_url
        assert check(one, one.token) == 200
        assert check(other, one.token) == 401
        assert (len(one.bot_events), len(other.bot_events)) == (1, 0)


@pytest.mark.anyio
async def test_async_with_on_either_event_loop() -> None:
    """The server has a loop of its own, so the caller's kind does not matter."""
    async with Emulator() as emu:
        assert await to_thread.run_sync(check, emu, emu.token) == 200
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            response = await client.get(f"{emu.automations_url}/_/events")
            assert response.json()["count"] == 1
    with pytest.raises(ConfigError):
        _ = emu.automations_url


def test_addresses() -> None:
    with Emulator() as emu:
        base = emu.automations_url
        assert base.startswith("http://127.0.0.1:")
        assert (emu.mailgun_url, emu.page_url) == (f"{base}/v3", f"{base}/")


def test_clients_and_receivers_are_made_of_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with Emulator() as emu:
        for name, value in emu.environment.items():
            monkeypatch.setenv(name, value)
        with Automations() as automations, Mailgun() as mailgun:
            automations.bots.submit([{"ip": "192.0.2.1", "uas": "curl/8", "event_id": "e1"}])
            mailgun.messages.send({"from": "ann@mail.example.com", "to": "bob@example.com", "text": "Hi"})
        emu.wait_idle(30)
        assert [verdict.event_id for verdict in emu.verdicts] == ["e1"]
        assert [message.to for message in emu.messages] == [("bob@example.com",)]
        assert emu.environment["OMNIVERY_SIGNING_KEY"] == emu.signing_key


def test_a_taken_port_is_a_clear_error() -> None:
    with Emulator() as emu:
        port = httpx.URL(emu.automations_url).port
        assert port
        second = Emulator(port=port)
        with pytest.raises(ConfigError, match=f"port {port}"):
            second.start()
        with pytest.raises(ConfigError, match="running already"):
            emu.start()
    # Once it is free, the very same object can have it.
    second.start()
    second.stop()
    second.stop()


def test_it_starts_again_and_remembers() -> None:
    emu = Emulator()
    for expected in (1, 2):
        with emu:
            assert check(emu, emu.token) == 200
        assert len(emu.bot_events) == expected


def test_stopping_closes_idle_connections_and_ends_the_thread() -> None:
    """A suite starts hundreds of emulators: what each leaves behind adds up."""
    before = set(threading.enumerate())
    with Emulator() as emu, httpx.Client(verify=False, trust_env=False) as client:
        url = f"{emu.automations_url}/_/events"
        assert client.get(url).status_code == 200
        emu.stop()
        with pytest.raises(httpx.TransportError):
            client.get(url)
    assert set(threading.enumerate()) <= before


def test_half_a_request_does_not_hold_it_up(caplog: pytest.LogCaptureFixture) -> None:
    """A test that fails in the middle of an upload should see its own error, and no traceback of the server's."""
    with Emulator() as emu:
        url = httpx.URL(emu.automations_url)
        with socket.create_connection((url.host, url.port or 0)) as half:
            half.sendall(b"POST /d/bot HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
            assert b"100 Continue" in half.recv(100)  # the server has begun to read
            emu.stop()
            assert half.recv(100) == b""
    assert caplog.records == []


def fail(*_args: object) -> NoReturn:
    raise ArithmeticError("ann@example.com")


@pytest.mark.parametrize(("method", "path", "route"), [("add_single", "/d/bot", "bot"), ("reset", "/_/reset", None)])
def test_a_slip_of_the_emulator_is_a_response_and_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, method: str, path: str, route: str | None
) -> None:
    """A client that keeps its connection must not be sent to a dead one next, and see an error of its own."""
    with Emulator(domain="d") as emu, automations_client(emu) as client:
        with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
            patch.setattr(Store, method, fail)
            response = client.post(path, data={"ip": "192.0.2.1"})
        assert (response.status_code, response.json()) == (500, {"message": "Internal Server Error"})
        assert response.headers["connection"] == "close"
        assert client.post(path, data={"ip": "192.0.2.1"}).is_success
        (record,) = caplog.records
        assert record.name == "omnivery.emulator"
        assert "ArithmeticError" in record.getMessage()
        assert "test_emulator.py" in record.getMessage(), "the place"
        assert "ann@" not in caplog.text, "but not the error's own words, which may hold anything"
        assert [seen.status for seen in emu.requests] == ([500, 200] if route else [])


def test_no_other_path_is_a_page() -> None:
    with Emulator() as emu, automations_client(emu) as client:
        assert client.post("/").status_code == 404
        assert client.get("/_").json() == client.get("/page").json() == {"message": "Not Found"}


def test_no_secret_is_shown() -> None:
    with Emulator(token="tok-secret", api_key="api-secret", signing_key="sign-secret") as emu:
        assert "secret" not in repr(emu)
        assert "127.0.0.1" in repr(emu)
    assert "not running" in repr(emu)


def test_secrets_are_random_unless_given() -> None:
    one, other = Emulator(), Emulator()
    assert len({one.token, one.api_key, one.signing_key, other.token, other.api_key, other.signing_key}) == 6


def test_a_seed_gives_the_same_keys_in_every_run() -> None:
    """So that a key copied into a shell or a CI setting stays valid."""
    names = ("token", "api_key", "sending_key", "signing_key")
    one, same, other = (Emulator(seed=seed) for seed in (7, 7, 8))
    keys = [[getattr(emulator, name) for name in names] for emulator in (one, same, other)]
    assert keys[0] == keys[1]
    assert len({*keys[0], *keys[2]}) == 8
    assert Emulator(seed=7, token="mine").token == "mine"


def test_the_package_alone_loads_no_server() -> None:
    """Who imports the façade, for a type or by way of a plugin, does not pay for uvicorn."""
    program = "import sys, omnivery.emulator; print('uvicorn' in sys.modules or 'starlette' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_without_its_extra_it_names_the_command_that_brings_it() -> None:
    code = """
import sys
sys.modules["starlette"] = None
try:
    from omnivery.emulator import Emulator
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "omnivery.emulator needs starlette: pip install 'omnivery[emulator]'\n"


def test_a_full_disk_is_a_response_that_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What reads still works, and once there is room again, so does the rest."""
    with Emulator(domain="d", db=tmp_path / "e.db") as emu, automations_client(emu) as client:
        database = emu._parts.store.database
        client.post("/d/bot", data={"ip": "192.0.2.1"}).raise_for_status()
        [[pages]] = database.rows("PRAGMA page_count")
        database.execute(f"PRAGMA max_page_count = {pages}")
        with caplog.at_level(logging.ERROR):
            refused = client.post("/d/bot", data={"ip": "192.0.2.1", "uas": "x" * 100_000})
            assert client.get("/_/statistics").is_success
        assert (refused.status_code, "the disk is full" in refused.json()["message"]) == (500, True)
        assert {record.name for record in caplog.records} == {"omnivery.emulator"}
        assert all("the disk is full" in record.getMessage() for record in caplog.records)
        database.execute("PRAGMA max_page_count = 1000000")
        assert client.post("/d/bot", data={"ip": "192.0.2.1"}).is_success


@pytest.mark.parametrize(
    "option",
    [
        {"dialect": "Mailgun"},
        {"latency": "slow"},
        {"single": "soon"},
        {"paging": 5},
        {"port": "8080"},
        {"port": None},
        {"domain": 5},
        {"domain": ""},
        {"token": 5},
        {"api_key": b"key"},
        {"faults": 5},
        {"webhook_retry_delays": 5},
        {"webhook_retry_delays": (-1,)},
        {"webhook_retry_delays": ("1",)},
        {"result_delay": math.nan},
        {"max_body": "1"},
        {"max_body": 0},
        {"strict": "no"},
        {"allow_hosts": 5},
        {"bot_domains": [5]},
    ],
    ids=str,
)
def test_an_option_that_cannot_be_is_named(option: dict[str, Any]) -> None:
    """With a word that it does not know, it would be another emulator than the one that was asked for."""
    with pytest.raises(ConfigError, match=next(iter(option))):
        Emulator(**option).start()


def test_one_host_may_stand_alone() -> None:
    with Emulator(allow_hosts="emulator.test") as emulator:
        url = f"{emulator.page_url}_/messages"
        assert httpx.get(url, headers={"host": "emulator.test"}, trust_env=False).status_code == 200
