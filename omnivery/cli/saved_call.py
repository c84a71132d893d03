"""Webhook calls in files: as `omnivery listen --save` writes them, or written by hand."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from attrs import field, frozen

from omnivery import codec
from omnivery.cli.input import read_whole
from omnivery.errors import ConfigError
from omnivery.transport.http import Headers

DROPPED = frozenset(
    {
        "connection", "content-length", "expect", "host", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
"""Header fields of one connection or of one body, which are not sent on (RFC 9110, section 7.6.1)."""


@frozen(kw_only=True)
class SavedCall:
    """One call. Its body is kept as the bytes that they are: a signature may depend on each."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    received_at: datetime | None = None
    status: int | None = None
    """The status with which it was responded to."""

    def to_line(self) -> bytes:
        """Return the call as one line of JSON."""
        try:
            content = {"body": self.body.decode()}
        except UnicodeDecodeError:
            content = {"body_base64": base64.b64encode(self.body).decode()}
        moment = (self.received_at or datetime.now(UTC)).isoformat()
        return codec.dumps({"received_at": moment, "status": self.status, "headers": dict(self.headers), **content})

    def forwarded_headers(self) -> tuple[tuple[str, str], ...]:
        """Return the header fields that belong to the call, and not to its connection."""
        fields = {"content-type": "application/json", **Headers(self.headers)}
        hops = DROPPED | {name.strip() for name in fields.get("connection", "").lower().split(",")}
        return tuple((name, value) for name, value in fields.items() if name not in hops)


def read_calls(file: str) -> list[SavedCall]:
    """Read a file of calls.

    It may hold one body, an array of bodies as the API's samples are, lines of bodies, or lines of `--save`. What is
    none of these is one body as it stands.

    Args:
        file: a path; `-` for standard input.

    Raises:
        OSError: the file cannot be read.
        ConfigError: the body of a saved call is missing or damaged; or as `read_whole`.
    """
    content = read_whole(file, prompt="Paste the body of the call, then press Ctrl-D.")
    try:
        whole = codec.loads(content)
    except ValueError:
        return [*_of_lines(content)]
    if isinstance(whole, list) and whole and all(isinstance(item, dict) for item in whole):
        return [_of_object(item, codec.dumps(item)) for item in cast("list[dict[str, Any]]", whole)]
    return [_of_object(whole, content)]


def _of_lines(content: bytes) -> Iterator[SavedCall]:
    lines = [line for line in content.splitlines() if line.strip()]
    found: list[SavedCall] = []
    for line in lines:
        try:
            found.append(_of_object(codec.loads(line), line))
        except ValueError:
            # Not lines of JSON: a form, say, whose signature is to be explained as a whole.
            yield SavedCall(body=content)
            return
    yield from found or [SavedCall(body=content)]


def _of_object(value: Any, text: bytes) -> SavedCall:
    if not isinstance(value, dict) or not {"body", "body_base64"} & set(cast("dict[str, Any]", value)):
        return SavedCall(body=text)
    fields = cast("dict[str, Any]", value)
    headers = fields.get("headers")
    named = cast("dict[str, Any]", headers) if isinstance(headers, dict) else {}
    return SavedCall(
        body=_body(fields),
        headers={name: text for name, text in named.items() if isinstance(text, str)},
        received_at=codec.parse_datetime(fields.get("received_at")),
    )


def _body(fields: Mapping[str, Any]) -> bytes:
    body = fields.get("body", fields.get("body_base64"))
    if isinstance(body, Mapping):
        return codec.dumps(body)  # written by hand
    if not isinstance(body, str):
        raise ConfigError("a saved call has no body: `body` is the text of it, or an object")
    if "body" in fields:
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (ValueError, binascii.Error):
        raise ConfigError("a saved call has a body_base64 that is not Base64") from None
