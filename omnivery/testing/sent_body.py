"""Bodies of requests, as the SDK writes them, read again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeAlias, cast
from urllib.parse import parse_qsl

from omnivery import codec

Part: TypeAlias = tuple[str, str | None, bytes]
"""Name, file name and content of a part of a form."""

_PARAMETER = re.compile(r'; (name|filename)="([^"]*)"')


def media_type(content_type: str | None) -> str:
    """Return the media type of a Content-Type header, without its parameters; empty text for None."""
    return (content_type or "").partition(";")[0].strip().lower()


def body_fields(content_type: str | None, content: bytes) -> dict[str, Any]:
    """Return the fields of a form or of a JSON object; of any other body, no fields.

    A form field that occurs more than once has a list of its values. A file has its file name.
    """
    match media_type(content_type):
        case "application/json":
            value = codec.loads(content)
            return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        case "application/x-www-form-urlencoded":
            return joined(parse_qsl(content.decode(), keep_blank_values=True))
        case "multipart/form-data":
            parts = form_parts(content_type, content)
            return joined((name, filename or data.decode("utf-8", "replace")) for name, filename, data in parts)
        case _:
            return {}


def form_parts(content_type: str | None, content: bytes) -> list[Part]:
    """Return the parts of a multipart form (RFC 7578) that the SDK has written; of any other body, none."""
    if media_type(content_type) != "multipart/form-data":
        return []
    boundary = (content_type or "").partition("boundary=")[2]
    return [_part(part) for part in (b"\r\n" + content).split(f"\r\n--{boundary}".encode())[1:-1]]


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return pairs as a mapping. A name that occurs more than once has a list of its values."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _part(part: bytes) -> Part:
    head, _, content = part.partition(b"\r\n\r\n")
    named = {name: _unescaped(value) for name, value in _PARAMETER.findall(head.decode())}
    return named["name"], named.get("filename"), content


def _unescaped(name: str) -> str:
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
