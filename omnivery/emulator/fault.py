"""The fault of one request: what is wrong with its response, or with its connection."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen
from attrs.validators import in_
from starlette.responses import Response

from omnivery.codec import dumps
from omnivery.errors import phrase

FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Names of header fields (RFC 9110, section 5.1)."""
FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""Values of header fields: Latin-1 without control characters."""
FRAMING = {"content-length", "transfer-encoding"}
"""Header fields that say where a response ends: the server sets them, and would drop the connection otherwise."""
WITHOUT_BODY = {204, 205, 304}
"""Statuses whose responses have no content (RFC 9110, section 6.4.1)."""
INERT = {"content-security-policy": "sandbox", "x-content-type-options": "nosniff"}
"""Headers of every response that a fault orders. Its body may be HTML, and must not act as a page of the emulator."""


def _check_status(_fault: Fault, _attribute: object, status: Any) -> None:
    # Not 500.0 or True, which are equal to whole numbers: the server could not send them.
    if status is not None and (type(status) is not int or not 200 <= status <= 599):  # noqa: PLR2004  # final statuses
        raise ValueError("status must be a whole number from 200 to 599")


def _check_retry_after(_fault: Fault, _attribute: object, value: Any) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | str)):
        raise TypeError("retry_after must be a number or text")
    if isinstance(value, str) and not FIELD_VALUE.fullmatch(value):
        raise ValueError("retry_after must be text without control characters")


def _check_delay(_fault: Fault, _attribute: object, delay: Any) -> None:
    if delay is not None and (isinstance(delay, bool) or not isinstance(delay, int | float)):
        raise TypeError("delay must be a number of seconds")
    if delay is not None and not 0 <= delay < math.inf:
        raise ValueError("delay must be a number of seconds, and not negative")


def _check_body(fault: Fault, _attribute: object, body: Any) -> None:
    if body is not None and not isinstance(body, bytes | str):
        raise TypeError("body must be text or bytes")
    if body and fault.status in WITHOUT_BODY:
        raise ValueError(f"a response with the status {fault.status} has no body")


def _check_headers(_fault: Fault, _attribute: object, headers: Any) -> None:
    if headers is None:
        return
    if not isinstance(headers, Mapping):
        raise TypeError("headers must be a mapping")
    for name, value in headers.items():
        if not (isinstance(name, str) and FIELD_NAME.fullmatch(name)):
            raise ValueError("headers has a name that is not one of a header field")
        if not (isinstance(value, str) and FIELD_VALUE.fullmatch(value)):
            raise ValueError(f"the value of the header {name} must be text without control characters")
        if name.lower() in FRAMING:
            raise ValueError(f"the header {name} cannot be set: the server sets it; after= cuts a connection")


@frozen(kw_only=True)
class Fault:
    """The fault of one request; the options are those of `Emulator.fail_next`."""

    # Validated here, because an invalid fault would otherwise raise inside the server.
    status: int | None = field(default=None, validator=_check_status)
    retry_after: float | str | None = field(default=None, validator=_check_retry_after)
    delay: float | None = field(default=None, validator=_check_delay)
    after: Literal["received", "accepted"] | None = field(default=None, validator=in_([None, "received", "accepted"]))
    body: bytes | str | None = field(default=None, repr=False, validator=_check_body)
    headers: Mapping[str, str] | None = field(default=None, repr=False, validator=_check_headers)

    @property
    def only_slow(self) -> bool:
        """Whether the request is handled normally after the delay."""
        rest = (self.status, self.retry_after, self.after, self.body, self.headers)
        return self.delay is not None and all(option is None for option in rest)

    @property
    def cuts(self) -> bool:
        """Whether the connection is closed without a response."""
        return self.after is not None and self.status is None

    def response(self) -> Response:
        """Return the response that replaces the normal one."""
        status = 500 if self.status is None else self.status
        body = self._content(status)
        headers = {"content-type": _media_type(body), **{k.lower(): v for k, v in (self.headers or {}).items()}}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return Response(body, status_code=status, headers={**headers, **INERT})

    def _content(self, status: int) -> bytes:
        if self.body is not None:
            return self.body.encode() if isinstance(self.body, str) else self.body
        return b"" if status in WITHOUT_BODY else dumps({"message": phrase(status)})


def _media_type(body: bytes) -> str:
    start = body.lstrip()[:1]
    return "text/html" if start == b"<" else "application/json" if start in {b"{", b"["} else "text/plain"
