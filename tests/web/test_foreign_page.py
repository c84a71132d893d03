"""A page of another site, in the same browser: it can neither command the emulator nor read it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from omnivery.emulator import Activity, Emulator
from tests.support.emulator import automations_client

ATTACKS = """
async (base) => {
  const attempts = {
    text: () => fetch(`${base}/_/reset`, {method: "POST", mode: "no-cors", body: "{}"}),
    empty: () => fetch(`${base}/_/reset`, {method: "POST", mode: "no-cors"}),
    json: () => fetch(`${base}/_/reset`, {method: "POST", headers: {"content-type": "application/json"}, body: "{}"}),
    removal: () => fetch(`${base}/_/messages`, {method: "DELETE"}),
    reading: () => fetch(`${base}/_/bot-events`),
    blind: () => fetch(`${base}/_/bot-events`, {mode: "no-cors"}),
  };
  const got = {};
  for (const [name, attempt] of Object.entries(attempts)) {
    try { got[name] = (await attempt()).status; } catch (error) { got[name] = error.name; }
  }
  navigator.sendBeacon(`${base}/_/reset`, "{}");
  const frame = Object.assign(document.createElement("iframe"), {name: "into"});
  const form = Object.assign(document.createElement("form"), {method: "POST", enctype: "text/plain", target: "into"});
  form.action = `${base}/_/reset`;
  document.body.append(frame, form);
  const loaded = new Promise((done) => frame.addEventListener("load", done, {once: true}));
  form.submit();
  await Promise.race([loaded, new Promise((done) => setTimeout(done, 1000))]);
  return got;
}
"""


@pytest.fixture
def elsewhere() -> Iterator[int]:
    """The port of another server on this machine, as a development server is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Elsewhere</title><body></body>")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the standard library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_changes_and_reads_nothing(browser: Any, emu: Emulator, elsewhere: int, host: str) -> None:
    emu.reset()
    with automations_client(emu) as client:
        client.post(f"/{emu.domain}/bot", data={"ip": "192.0.2.1"}).raise_for_status()
    seen: list[Activity] = []
    end = emu.watch(seen.append)
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://{host}:{elsewhere}/")
    got = page.evaluate(ATTACKS, emu.automations_url)
    context.close()
    end()
    # A status of 0 would be a response that the page may not look into.
    assert set(got.values()) == {"TypeError"}
    assert len(emu.bot_events) == 1
    refused = {each.status for each in seen if each.target.startswith("/_/")}
    assert refused == {403}, "each of them came, and was refused"
