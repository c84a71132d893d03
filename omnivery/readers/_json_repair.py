r"""JSON that servers write without heeding JSON's rules: the lines of requests that would be lost otherwise.

nginx escapes neither bytes that are not UTF-8 nor, unless its log_format says `escape=json`, anything in JSON's way
(`\x22`). A variable without quotes that has no value is `-` or nothing. Any client can send such bytes.
"""

from __future__ import annotations

import re

from omnivery import codec


def repaired(line: bytes) -> bytes:
    r"""Return the line in JSON, as far as that can be; bytes that are not UTF-8 stay readable as `\xhh`."""
    return _TOKEN.sub(_token, line.decode("utf-8", "backslashreplace").encode())


_TOKEN = re.compile(
    rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|:\s*+(?:-|[\d.]++(?:\s*+[,:]\s*+[\d.]++){1,30}+)?\s*+(?=[,}])', re.DOTALL
)
"""A text; or a value that is none, or several numbers: nginx logs one for each server that it has asked."""
_WITHIN = re.compile(
    rb"(?P<bytes>(?:\\x[0-9A-Fa-f]{2})++)|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.|(?P<control>[\x00-\x1f])",
    re.DOTALL,
)


def _token(found: re.Match[bytes]) -> bytes:
    return _WITHIN.sub(_escape, found[0]) if found[0].startswith(b'"') else b":null"


def _escape(found: re.Match[bytes]) -> bytes:
    match found.lastgroup:
        case "bytes":
            data = bytes.fromhex(found[0].replace(b"\\x", b"").decode())
            return codec.dumps(data.decode("utf-8", "backslashreplace"))[1:-1]
        case "half":
            return b"\\" + found[0]  # half of a character is none: its escape stays readable
        case "control":
            return b"\\u%04x" % found[0][0]
        case _:
            return found[0]
