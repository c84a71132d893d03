"""The head of a request over aiohttp's connections: one that could carry anything else is refused. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from omnivery.errors import NotSentError
from omnivery.transport.adapters.failures import REQUEST_INVALID, URL_INVALID

if TYPE_CHECKING:
    from omnivery.transport.http import Request

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^/?#]+)([^#]*)")
_HEAD = re.compile(r"[A-Z]+ [!-~]+ HTTP/1\.1\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~]*\r\n)+\r\n")
"""RFC 9112, section 3, and RFC 9110, section 5.6.2, without the obsolete bytes beyond ASCII."""


def split_url(url: str) -> tuple[str, str]:
    """Return scheme and host of a URL, and the rest of it as the target of a request.

    Raises:
        NotSentError: it is not an absolute URL.
    """
    match = _URL.match(url)
    if match is None:
        raise invalid_url()
    base, target = match.groups()
    return base, target if target.startswith("/") else f"/{target}"


def invalid_url() -> NotSentError:
    """Return the error for a URL that cannot be requested."""
    return NotSentError(URL_INVALID, permanent=True)


def request_head(request: Request, target: str, *, host: str, proxy_fields: Iterable[tuple[str, str]] = ()) -> bytes:
    """Return the request line and the header fields of a request.

    Raises:
        NotSentError: the method, the target or a header field is not valid.
    """
    method, length = request.method.upper(), request.content_length
    fields = [*request.headers, *proxy_fields]
    given = {name.lower(): value for name, value in request.headers}
    if "host" not in given:
        fields.insert(0, ("host", host))
    if "content-length" not in given and length is not None:
        fields.append(("content-length", str(length)))
    lines = [f"{method} {target} HTTP/1.1", *[f"{name}: {value}" for name, value in fields]]
    text = "\r\n".join([*lines, "", ""])
    # A value with a line break would be counted as another line.
    if text.count("\n") != len(lines) + 1 or not _HEAD.fullmatch(text):
        raise NotSentError(REQUEST_INVALID, permanent=True)
    if given.get("content-length", str(length or 0)) != str(length or 0) or "transfer-encoding" in given:
        raise NotSentError("the request is not valid HTTP: its content has another length", permanent=True)
    return text.encode("ascii")
