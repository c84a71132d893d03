"""Keeps web pages away from the control API and from the emulator's own page.

Both require no key. Any page that a browser has open can send requests to a port of this machine, so a request must not
look like one of a foreign page:

1. Host: a name that an attacker owns can be made to resolve to this machine (DNS rebinding), and the browser then takes
   that page and the emulator for one site. A name of this machine, an IP address, and names that were allowed cannot.
2. Origin and Sec-Fetch headers: browsers say where a request comes from.
3. What a POST has: a page can send simple requests anywhere without being asked; JSON, and a header of one's own, are
   never simple, and a browser asks the emulator first, which refuses.

The APIs stay open to any host, because containers call them by names of their own. Each of their routes requires a key,
in a header that no page can send to another site; but with keys that are known, as those of `--seed`, a page that uses
DNS rebinding could command them. No response of theirs is more than data to a browser.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from attrs import frozen
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omnivery.emulator.routes import json_response

READING = frozenset({"GET", "HEAD"})
OWN_HEADERS = "x-omnivery"
"""Beginning of the names of headers that make a request a deliberate one."""
JSON = "application/json"
HARMLESS = {"x-content-type-options": "nosniff", "cross-origin-resource-policy": "same-origin"}
"""Headers of every response: no other site may embed it, and no browser guesses its type."""
SEALED = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""Content-Security-Policy of a response that has none of its own."""
DATA = ((b"x-content-type-options", b"nosniff"), (b"content-security-policy", SEALED.encode()))
"""Headers of a response of the APIs, which takes as many requests as the emulator can serve."""


@frozen(kw_only=True)
class Reason:
    """Why a request is refused."""

    status: int
    message: str


FOREIGN_HOST = Reason(
    status=421,
    message="The Host header is not a name of this emulator. If you call it by that name on purpose, start it with "
    "--allow-host NAME, or Emulator(allow_hosts=[NAME]); an IP address and localhost always work.",
)
FOREIGN_PAGE = Reason(
    status=403,
    message="This request comes from a web page of another site, by its Origin or its Sec-Fetch headers. The control "
    "API and the page of the emulator refuse those.",
)
SIMPLE = Reason(
    status=415,
    message="A POST to the control API must have the header content-type: application/json, or a header whose name "
    "begins with x-omnivery-, so that no web page can send it. An empty body is a JSON object without members.",
)


class BrowserGuard:
    """Middleware that refuses what a foreign web page may have sent.

    Args:
        app: the app.
        hosts: names by which the emulator may be called, beside those of this machine and IP addresses; `*` for any.
        open_path: path under `/_/` that is open to all: the receiver of webhooks, which verifies signatures.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], open_path: str) -> None:
        self._app, self._open_path = app, open_path
        self._hosts = frozenset(_without_port(host.lower()).rstrip(".") for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] != "http" or not self._is_guarded(scope["path"]):
            await self._app(scope, receive, _as_data(send))
            return
        if reason := self._refusal(scope):
            response = json_response({"message": reason.message}, status=reason.status)
            await response(scope, receive, _sealed(send))
            return
        await self._app(scope, receive, _sealed(send))

    def _is_guarded(self, path: str) -> bool:
        return path in {"/", "/healthz"} or (path.startswith("/_/") and path != self._open_path)

    def _refusal(self, scope: Scope) -> Reason | None:
        headers = Headers(scope=scope)
        # 1. Another name.
        if not is_own_host(headers.get("host", ""), self._hosts):
            return FOREIGN_HOST
        # 2. Another site. A person may follow a link to the page: the browser then shows it by itself.
        if _is_foreign(headers) and not (scope["method"] in READING and _is_followed_link(headers)):
            return FOREIGN_PAGE
        # 3. A change that any page could ask for. Other methods than POST are never simple.
        if scope["method"] == "POST" and not _is_deliberate(headers):
            return SIMPLE
        return None


def is_own_host(host: str, allowed: Collection[str] = ()) -> bool:
    """Return whether a Host header names this machine, an IP address or an allowed name. Without one, no browser asks.

    An IP address cannot be made to resolve to another one.
    """
    if not host or "*" in allowed:
        return True
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    return name == "localhost" or name.endswith(".localhost") or name in allowed or _is_address(name)


def _without_port(host: str) -> str:
    return host.partition(":")[0] if host.count(":") == 1 else host  # IPv6 addresses have more colons


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_foreign(headers: Headers) -> bool:
    origin = headers.get("origin")
    if origin is not None and _host_of(origin) != headers.get("host", "").lower():
        return True
    # Browsers say `none` of what a person typed, and leave the header out of requests to plain http names.
    return headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}


def _host_of(origin: str) -> str | None:
    """Return host and port of an origin, as a Host header has them; None for `null` and what is no origin."""
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return None
    return parts.netloc if parts.scheme in {"http", "https"} else None


def _is_followed_link(headers: Headers) -> bool:
    return (
        "origin" not in headers
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _is_deliberate(headers: Headers) -> bool:
    if headers.get("content-type", "").partition(";")[0].strip().lower() == JSON:
        return True
    # ov-token: the header of the Automations API, which clients of it send everywhere.
    return "ov-token" in headers or any(name.startswith(OWN_HEADERS) for name in headers)


def _as_data(send: Send) -> Send:
    async def as_data(message: Message) -> None:
        if message["type"] == "http.response.start":
            names = {name for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *[field for field in DATA if field[0] not in names]]
        await send(message)

    return as_data


def _sealed(send: Send) -> Send:
    async def sealed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HARMLESS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
            headers.setdefault("content-security-policy", SEALED)
        await send(message)

    return sealed
