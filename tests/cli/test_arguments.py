"""Options that several commands share: proxy and certificate authorities."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner

from omnivery.cli.app import omnivery
from tests.support.cli import event, ndjson

OPTIONS = ["--domain", "mail.example.com", "--webhook-url", "https://example.com/hook"]


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[str]]]:
    """A server that takes every batch; its port, and the targets of its requests."""
    targets: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            targets.append(self.path)
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the standard library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port, targets
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def submit(path: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(
        omnivery, ["bots", "submit", str(path), *OPTIONS, *options], env={"OMNIVERY_TOKEN": "t0k3n"}
    )
    return result.exit_code, result.output


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return ndjson(tmp_path / "events.ndjson", [event("a"), event("b")])


def test_an_authority_of_ones_own_is_trusted(events: Path, tmp_path: Path) -> None:
    """A company's proxy has a certificate that only the company vouches for."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with serving(context) as (port, targets):
        status, shown = submit(events, "--base-url", f"https://127.0.0.1:{port}", "--ca", str(bundle))
    assert (status, targets) == (0, ["/mail.example.com/bot"]), shown


def test_requests_go_through_the_proxy(events: Path) -> None:
    with serving() as (port, targets):
        status, shown = submit(events, "--base-url", "http://api.example.com", "--proxy", f"http://127.0.0.1:{port}")
    assert (status, targets) == (0, ["http://api.example.com/mail.example.com/bot"]), shown


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_without_certificates_is_named(events: Path, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    status, shown = submit(events, "--ca", str(path))
    assert status == 2
    assert "--ca" in shown
    assert "ca.pem" in shown


@pytest.mark.parametrize("command", [["bots", "submit"], ["bots", "retry"], ["bots", "run"]])
def test_every_command_that_sends_has_both(command: list[str]) -> None:
    shown = CliRunner().invoke(omnivery, [*command, "--help"]).output
    assert "--proxy" in shown
    assert "--ca" in shown
