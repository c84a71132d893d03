"""What the tests of the emulator's routes share: clients that bring a key, and a receiver of webhooks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from omnivery.emulator import Emulator


@contextmanager
def mailgun_client(emu: Emulator, key: str | None = None) -> Iterator[httpx.Client]:
    """A plain HTTP client with the account's primary key, or with another one."""
    auth = ("api", emu.api_key if key is None else key)
    with httpx.Client(base_url=emu.mailgun_url, auth=auth, timeout=30, verify=False, trust_env=False) as client:
        yield client


@contextmanager
def automations_client(emu: Emulator) -> Iterator[httpx.Client]:
    """A plain HTTP client with the token."""
    headers = {"ov-token": emu.token}
    with httpx.Client(
        base_url=emu.automations_url, headers=headers, timeout=30, verify=False, trust_env=False
    ) as client:
        yield client


class Hook:
    """A receiver of webhooks on a thread: keeps what it received, by path, and responds 404 under `/gone`."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                hook.calls.append((self.path, json.loads(body)))
                self.send_response(404 if self.path == "/gone" else 200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the standard library's name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def events(self, path: str = "/hook") -> list[dict[str, Any]]:
        """The event data of each call to one path, in order of arrival."""
        return [body["event-data"] for where, body in self.calls if where == path]


@contextmanager
def listening() -> Iterator[Hook]:
    hook = Hook()
    try:
        yield hook
    finally:
        hook.close()
