"""A listener: webhook calls arrive in a notebook or a script that has no server, and nothing is left behind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

import anyio
import httpx
import pytest
from anyio import to_thread

from omnivery import _server as serving
from omnivery import webhooks
from omnivery.errors import ConfigError
from omnivery.webhooks import BotVerdicts, Listener, Receiver, VerdictStore
from tests.support.cli import free_port

KEY = "a-signing-key"
NOTHING = "async def nothing(scope, receive, send): ..."
"""An app, for programs of their own."""


def post(url: str, event_id: str = "click-1") -> int:
    """Deliver one verdict as the service would."""
    body = {"signature": webhooks.sign(KEY), "events": [{"event_id": event_id, "is_bot": True}]}
    return httpx.post(url, json=body, verify=False, trust_env=False).status_code


def receiver(found: list[str | None]) -> Receiver:
    async def on_verdicts(verdicts: BotVerdicts) -> None:
        found.extend(verdict.event_id for verdict in verdicts)

    return Receiver(on_verdicts, KEY, accepts=BotVerdicts)


def test_a_script_without_a_server_receives_verdicts() -> None:
    found: list[str | None] = []
    with Listener(receiver(found)) as listener:
        assert listener.url.startswith("http://127.0.0.1:")
        assert post(listener.url) == 200
        assert post(f"{listener.url}/any/path", "click-2") == 200
    assert found == ["click-1", "click-2"]


def test_verdicts_go_to_a_store_alone(tmp_path: Path) -> None:
    """The usual notebook: no handler, and a file in the end."""
    with VerdictStore(tmp_path / "verdicts.db") as store:
        with Listener(Receiver(None, KEY, store=store)) as listener:
            assert post(listener.url) == 200
        assert [verdict.event_id for verdict in store] == ["click-1"]


@pytest.mark.anyio
async def test_async_with_on_either_event_loop() -> None:
    """A notebook runs asyncio, a service perhaps trio: the server's loop is its own."""
    found: list[str | None] = []
    async with Listener(receiver(found)) as listener:
        assert await to_thread.run_sync(post, listener.url) == 200
    assert found == ["click-1"]
    with pytest.raises(ConfigError, match="not running"):
        _ = listener.url


def test_cells_of_a_notebook_start_and_stop_it() -> None:
    found: list[str | None] = []
    listener = Listener(receiver(found))
    assert repr(listener) == "Listener(not running)"
    for event_id in ("click-1", "click-2"):
        listener.start()
        assert repr(listener) == f"Listener('{listener.url}')"
        assert post(listener.url, event_id) == 200
        listener.stop()
        listener.stop()
    assert found == ["click-1", "click-2"]


def test_stopping_leaves_neither_thread_nor_port() -> None:
    before = set(threading.enumerate())
    with Listener(receiver([])) as listener:
        url = listener.url
        with httpx.Client(verify=False, trust_env=False) as client:
            assert client.get(url).status_code == 405
            listener.stop()
            with pytest.raises(httpx.TransportError):
                client.get(url)
    assert set(threading.enumerate()) <= before


def test_a_taken_port_says_so() -> None:
    with Listener(receiver([])) as listener:
        port = httpx.URL(listener.url).port or 0
        with pytest.raises(ConfigError, match=f"cannot listen on host '127.0.0.1', port {port}: "):
            Listener(receiver([]), port=port).start()
        with pytest.raises(ConfigError, match="running already"):
            listener.start()


@pytest.mark.parametrize(("host", "port", "words"), [("127.0.0.1", 65536, "from 0 to 65535"), ("192.0.2.1", 0, "host")])
def test_a_place_that_cannot_be_says_so(host: str, port: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Listener(receiver([]), host=host, port=port).start()


def test_without_uvicorn_it_names_the_command_that_brings_it() -> None:
    with (
        mock.patch.dict(sys.modules, {"omnivery._server": None}),
        pytest.raises(ConfigError, match=r"pip install 'omnivery\[emulator\]'"),
    ):
        Listener(receiver([])).start()


def test_what_is_no_app_is_refused() -> None:
    """A handler's result, or the URL of something else: better said before a call gets 500."""
    with pytest.raises(ConfigError, match="ASGI app"):
        Listener("http://127.0.0.1:8000")  # type: ignore[arg-type]


def test_ipv6_has_its_brackets() -> None:
    with Listener(receiver([]), host="::1") as listener:
        assert listener.url.startswith("http://[::1]:")
        assert post(listener.url) == 200


# Other apps than a receiver


def test_an_app_with_a_start_up_of_its_own_has_it_run() -> None:
    """A framework around the receiver opens its database there."""
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        for _ in range(2):
            message = await receive()
            seen.append(message["type"])
            await send({"type": f"{message['type']}.complete"})

    with Listener(app):
        assert seen == ["lifespan.startup"]
    assert seen == ["lifespan.startup", "lifespan.shutdown"]


def test_an_app_that_fails_to_start_is_a_clear_error(caplog: pytest.LogCaptureFixture) -> None:
    """And its port is free again."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    before, port = set(threading.enumerate()), free_port()
    with pytest.raises(ConfigError, match="did not start"):
        Listener(app, port=port).start()
    assert "no database" in caplog.text
    assert set(threading.enumerate()) <= before
    with socket.create_server(("127.0.0.1", port)):
        pass


# Stopping while a call is under way


def test_a_call_under_way_is_given_up_after_the_time_of_grace(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Closing a notebook must not wait for a handler that never returns."""
    monkeypatch.setattr(serving, "GRACE", 0)
    entered, ended = threading.Event(), threading.Event()

    async def on_verdicts(_: BotVerdicts) -> None:
        entered.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    with Listener(Receiver(on_verdicts, KEY, accepts=BotVerdicts)) as listener:
        caller = threading.Thread(target=_call_in_vain, args=(listener.url,))
        caller.start()
        assert entered.wait(30)
    assert ended.is_set()
    caller.join()


def test_half_a_call_does_not_hold_it_up(caplog: pytest.LogCaptureFixture) -> None:
    with Listener(receiver([])) as listener:
        url = httpx.URL(listener.url)
        with socket.create_connection((url.host, url.port or 0)) as half:
            half.sendall(b"POST / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
            assert b"100 Continue" in half.recv(100)  # it has begun to read
            listener.stop()
            assert half.recv(100) == b""
    assert caplog.records == []


def test_a_handler_that_blocks_its_event_loop_is_left_to_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "STOP_TIMEOUT", 0.05)
    entered, go_on = threading.Event(), threading.Event()

    async def on_verdicts(_: BotVerdicts) -> None:
        entered.set()
        go_on.wait(30)

    with Listener(Receiver(on_verdicts, KEY, accepts=BotVerdicts)) as listener:
        caller = threading.Thread(target=_call_in_vain, args=(listener.url,))
        caller.start()
        assert entered.wait(30)
        listener.stop()
    assert [record.getMessage() for record in caplog.records if record.name == "omnivery.server"] == [
        "omnivery-listener still runs: something in its app blocks the event loop"
    ]
    [thread] = [thread for thread in threading.enumerate() if thread.name == "omnivery-listener"]
    go_on.set()
    caller.join()
    thread.join()


# What a program without logging prints


REFUSING = """
import logging, sys
exec(sys.argv[1])
from omnivery.webhooks import Receiver
def handler(event):
    raise ValueError("no room for ann@example.com")
receiver = Receiver(handler, "key")
receiver.handle(b'{"signature": 1}')
from omnivery.webhooks import sign
import json
receiver.handle(json.dumps({"signature": sign("key"), "events": []}).encode())
"""


def printed(setup: str = "", **environment: str) -> str:
    command = [sys.executable, "-W", "error", "-c", REFUSING, setup]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=True, env={**os.environ, **environment}
    )
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("level", ["", "info"])
def test_a_program_that_has_set_up_no_logging_sees_refusals_and_tracebacks_once(level: str) -> None:
    """Else a wrong key looks like a service that sends nothing."""
    text = printed(OMNIVERY_LOG=level)
    assert text.count("WARNING omnivery.webhooks: refused a webhook call: the signature is missing") == 1
    assert text.count("ERROR omnivery.webhooks: the handler of a webhook call raised ValueError:\nTraceback") == 1
    assert text.endswith("ValueError: no room for ***@***\n")


@pytest.mark.parametrize(
    "setup",
    [
        "logging.getLogger('omnivery').addHandler(logging.NullHandler())",
        "logging.getLogger('omnivery.webhooks').addHandler(logging.NullHandler())",
        "logging.getLogger('omnivery.webhooks').setLevel('CRITICAL')",
        "logging.getLogger('omnivery').setLevel('CRITICAL')",
        "logging.disable()",
        "logging.lastResort = None",
        "logging.basicConfig(level='CRITICAL')",
        "logging.basicConfig(filename='/dev/null')",
    ],
)
def test_a_program_that_has_set_up_logging_keeps_its_silence(setup: str) -> None:
    assert printed(setup) == ""


def test_a_program_that_has_set_up_logging_gets_each_record_once_and_in_its_own_form() -> None:
    text = printed("logging.basicConfig(format='own: %(message)s')")
    assert text.count("refused a webhook call") == 1
    assert text.startswith("own: refused a webhook call")


# Processes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_disturbs_nothing() -> None:
    """A pool of processes made in a notebook: the parent goes on, and its port is free once it stops."""
    program = f"""
import os, socket, warnings
from omnivery.webhooks import Listener
warnings.simplefilter("ignore", DeprecationWarning)  # from Python 3.12 on, of forking beside threads
{NOTHING}
listener = Listener(nothing)
listener.start()
url = listener.url
port = int(url.rpartition(":")[2])
reading, writing = os.pipe()
if (child := os.fork()) == 0:
    assert listener.url == url
    os.read(reading, 1)  # lives longer than the parent's server
    listener.stop()
    listener.start()
    socket.create_connection(("127.0.0.1", int(listener.url.rpartition(":")[2]))).close()
    listener.stop()
    os._exit(0)
socket.create_connection(("127.0.0.1", port)).close()
listener.stop()
try:
    socket.create_connection(("127.0.0.1", port))
except ConnectionRefusedError:
    print("refused")
os.write(writing, b".")
print(os.waitpid(child, 0)[1])
"""
    assert _output_of(program) == ["refused", "0"]


def test_a_script_may_end_with_a_listener_open() -> None:
    """As notebooks do: nothing is said, and nothing is waited for."""
    program = f"from omnivery.webhooks import Listener\n{NOTHING}\nListener(nothing).start()\nprint('end')"
    assert _output_of(program) == ["end"]


def test_the_package_loads_no_server_for_it() -> None:
    program = "import sys; from omnivery.webhooks import Listener; print('uvicorn' in sys.modules)"
    assert _output_of(program) == ["False"]


def _output_of(program: str) -> list[str]:
    """What a program prints, which says nothing on standard error."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def _call_in_vain(url: str) -> None:
    with suppress(httpx.HTTPError):
        post(url)
