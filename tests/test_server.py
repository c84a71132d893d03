"""An ASGI app on a port: in a thread (see also `webhooks/test_listener.py`), and on the caller's event loop."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
import threading
from contextlib import suppress
from typing import Any

import anyio
import httpx
import pytest
from anyio import to_thread

from omnivery import _server
from omnivery._server import Server, ServerThread, serving
from omnivery.errors import ConfigError


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """An app without a startup of its own."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def broken(scope: Any, receive: Any, send: Any) -> None:
    """An app whose startup fails."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


async def get(url: str) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(url)).text


def is_free(url: str) -> bool:
    port = httpx.URL(url).port or 0
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


@pytest.mark.asyncio
async def test_an_app_is_served_while_the_block_runs() -> None:
    async with serving(hello) as url:
        assert await get(url) == "hello"
        assert not is_free(url)
    assert is_free(url)


def test_a_server_without_requests_waits_for_nothing_when_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test suite may start hundreds of emulators: with uvicorn's own loop each of them took 0.2 s to stop."""
    waits: list[float] = []
    sleep = asyncio.sleep

    async def counted(seconds: float) -> None:
        waits.append(seconds)
        await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", counted)
    thread = ServerThread(Server(hello, host="127.0.0.1", port=0), name="hello")
    thread.start()
    thread.stop()
    assert is_free(thread.url)
    assert sum(waits) == 0


def test_a_connection_that_is_being_accepted_when_the_server_stops_is_closed() -> None:
    """The socket of one that is forgotten is a `ResourceWarning`, which fails the test that has it."""
    for _ in range(20):
        thread = ServerThread(Server(hello, host="127.0.0.1", port=0), name="hello")
        thread.start()
        url = httpx.URL(thread.url)
        with socket.create_connection((url.host, url.port or 0)) as client:
            thread.stop()
            client.settimeout(30)
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""
    gc.collect()


@pytest.mark.asyncio
async def test_an_error_of_the_block_comes_out_and_the_port_is_closed() -> None:
    urls: list[str] = []

    async def work() -> None:
        async with serving(hello) as url:
            urls.append(url)
            raise KeyError("own")

    with pytest.raises(KeyError, match="own"):
        await work()
    assert is_free(urls[0])


@pytest.mark.asyncio
async def test_a_cancelled_block_still_lets_the_app_shut_down() -> None:
    """The app closes its database there."""
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(2):
            message = await receive()
            seen.append(message["type"])
            await send({"type": f"{message['type']}.complete"})

    with anyio.CancelScope() as scope:
        async with serving(app):
            scope.cancel()
            await anyio.sleep_forever()
    assert seen == ["lifespan.startup", "lifespan.shutdown"]


@pytest.mark.asyncio
async def test_a_startup_that_fails_is_a_config_error(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigError, match="did not start"):
        async with serving(broken):
            raise AssertionError("the block must not run")
    assert "no database" in caplog.text


def test_a_thread_that_cannot_start_its_app_has_ended(caplog: pytest.LogCaptureFixture) -> None:
    thread = ServerThread(Server(broken, host="127.0.0.1", port=0), name="test-server")
    with pytest.raises(ConfigError, match="did not start"):
        thread.start()
    assert is_free(thread.url)


def test_a_thread_that_cannot_be_started_leaves_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more_threads(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    server = Server(hello, host="127.0.0.1", port=0)
    thread = ServerThread(server, name="test")
    monkeypatch.setattr(threading.Thread, "start", no_more_threads)
    with pytest.raises(ConfigError, match="starts no more threads"):
        thread.start()
    assert server.listener.fileno() == -1


def test_a_process_without_descriptors_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket, "socket", none_left)
    with pytest.raises(ConfigError, match=f"cannot open a socket: {os.strerror(errno.EMFILE)}"):
        Server(hello, host="127.0.0.1", port=0)


def test_an_app_that_never_starts_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_server, "START_TIMEOUT", 0.1)
    monkeypatch.setattr(_server, "STOP_TIMEOUT", 0.1)

    given_up = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await to_thread.run_sync(given_up.wait, 60)

    thread = ServerThread(Server(app, host="127.0.0.1", port=0), name="test-server")
    with pytest.raises(ConfigError, match=r"did not start within 0\.1 seconds"):
        thread.start()
    given_up.set()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_child_closes_its_copy_of_the_port() -> None:
    server = Server(hello, host="127.0.0.1", port=0)
    thread = ServerThread(server, name="test-server")
    thread.reset_after_fork()
    assert server.listener.fileno() == -1


def test_the_url_of_a_server_on_all_addresses_is_one_that_can_be_called() -> None:
    server = Server(hello, host="0.0.0.0", port=0)  # what it is about
    server.listener.close()
    assert server.url.startswith("http://127.0.0.1:")
