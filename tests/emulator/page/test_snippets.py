"""Commands to copy: with the URL that the browser knows, and nothing else that a request says."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from omnivery.emulator.page.snippets import base_url


def request(host: str | None, server: tuple[str, int] = ("127.0.0.1", 8025)) -> Request:
    headers = [] if host is None else [(b"host", host.encode())]
    return Request({"type": "http", "server": server, "headers": headers})


@pytest.mark.parametrize("host", ["localhost:9000", "emulator", "127.0.0.1:8025", "[::1]:8025"])
def test_the_url_is_the_one_that_the_browser_used(host: str) -> None:
    assert base_url(request(host)) == f"http://{host}"


@pytest.mark.parametrize("host", [None, "", "127.0.0.1:$(reboot)", "x/../y", "a b", "127.0.0.1:8025;id", "<b>"])
def test_anything_else_is_not_repeated(host: str | None) -> None:
    assert base_url(request(host)) == "http://127.0.0.1:8025"
    assert base_url(request(host, ("::1", 8025))) == "http://[::1]:8025"
