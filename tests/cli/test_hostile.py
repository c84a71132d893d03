"""A server whose every text tries to steer the terminal: nothing of it gets there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import seen_in_process

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil"
RESPONSES: dict[str, Any] = {
    "fail": {"message": EVIL},
    "/webhooks": {"webhooks": {EVIL: {"urls": [f"http://x/{EVIL}"]}}, "message": EVIL},
    "/bounces": {"items": [{"address": EVIL, "error": EVIL, "code": EVIL}], "paging": {}, "message": EVIL},
    "/stats": {"resolution": EVIL, "stats": [{"time": "Mon, 01 Jan 2024 00:00:00 GMT", "delivered": {"total": 3}}]},
    "/domains/": {
        "domain": {"name": EVIL, "state": EVIL},
        "sending_dns_records": [{"name": EVIL, "record_type": EVIL, "value": EVIL, "valid": False, "state": EVIL}],
    },
    "/domains": {"items": [{"name": EVIL, "state": EVIL}], "total_count": 1},
    "/messages": {"id": EVIL, "message": EVIL},
    "/parse": {"parsed": [{"email": EVIL, "name": EVIL}], "unparseable": [EVIL]},
    "/validate": {"is_valid": False, "reason": EVIL, "did_you_mean": EVIL},
    "/": {"is_bot": None, "request": {"ip": EVIL, EVIL: EVIL}},
}
"""What is in the URL, and the response: the first that fits."""


class Handler(BaseHTTPRequestHandler):
    def respond(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        found = next(name for name in RESPONSES if name in self.path)
        body = json.dumps(RESPONSES[found]).encode()
        self.send_response(400 if found == "fail" else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = respond  # noqa: N815  # http.server looks for these names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
        """Nothing."""


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, str]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield {
            "OMNIVERY_API_KEY": "k",
            "OMNIVERY_TOKEN": "t",
            "OMNIVERY_DOMAIN": "mail.example.com",
            "OMNIVERY_MAILGUN_URL": f"{url}/v3",
            "OMNIVERY_AUTOMATIONS_URL": url,
        }
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "line",
    [
        "domains list",
        "domains list --json",
        "domains show x.example",
        "domains show fail.example",
        "webhooks list",
        "suppressions list bounces",
        "suppressions list bounces --json",
        "suppressions export bounces",
        "suppressions export bounces --format csv",
        "suppressions add bounces a@example.com",
        "suppressions remove bounces fail@example.com",
        "stats",
        "send --from a@mail.example.com --to b@example.com --text x",
        "addresses parse x",
        "addresses validate a@example.com",
        "bots check --ip 192.0.2.1",
        "bots check --result fail",
    ],
)
def test_nothing_of_it_steers_the_terminal(settings: dict[str, str], line: str) -> None:
    _, shown = seen_in_process(*line.split(), environment=settings)
    assert shown.strip()
    assert steering(shown) == []


def steering(shown: str) -> list[str]:
    """What of it would steer the terminal."""
    return [one for one in ("\x1b]", "\x1b[2J", "\x9b", "\u202e", "\x07") if one in shown]


@pytest.mark.parametrize(
    "line",
    [
        "suppressions import bounces {addresses} --domain fail.example",
        "bots submit {events} --domain fail.example",
    ],
)
def test_nothing_of_a_refused_batch_steers_the_terminal(settings: dict[str, str], tmp_path: Path, line: str) -> None:
    """Reports hold the server's words, too."""
    (tmp_path / "addresses.csv").write_text("address,error\na@example.com,x\n")
    (tmp_path / "events.ndjson").write_text('{"ip":"192.0.2.1","uas":"x","event_id":"e"}\n')
    words = line.format(addresses=tmp_path / "addresses.csv", events=tmp_path / "events.ndjson")
    environment = {**settings, "OMNIVERY_WEBHOOK_URL": "http://127.0.0.1:9/"}
    _, shown = seen_in_process(*words.split(), environment=environment)
    assert "evil" in shown
    assert steering(shown) == []
