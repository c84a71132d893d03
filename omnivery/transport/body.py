"""From arguments to the bytes of a request: paths, queries, JSON and forms."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from attrs import field, frozen

from omnivery.errors import ConfigError
from omnivery.transport.multipart import FilePart, MultipartContent, escape

if TYPE_CHECKING:
    from omnivery.transport.http import Content

Fields = Iterable[tuple[str, str]]
"""Form fields or query parameters; a name may come more than once."""


@frozen(kw_only=True)
class Body:
    """The body of a request, encoded."""

    content: Content = field(repr=False)
    content_type: str


def fill_path(template: str, values: Mapping[str, str]) -> str:
    """Put values into a path template, each percent-encoded as one segment with no safe characters.

    Raises:
        ConfigError: a value is empty or a dot segment, which would make it another path; or it is no Unicode text.
    """
    _checked(values.items())

    def segment(match: re.Match[str]) -> str:
        name = match[1]
        value = values[name]
        if value.strip() in {"", ".", ".."}:
            raise ConfigError(f"{name}: must not be empty or made of dots. Nothing was sent.")
        return quote(value, safe="")

    return re.sub(r"\{(\w+)\}", segment, template)


def query(fields: Fields) -> str:
    """A query string with its question mark; nothing where there are no parameters.

    Raises:
        ConfigError: something in it is no Unicode text.
    """
    text = urlencode(_checked(fields))
    return f"?{text}" if text else ""


def json(content: bytes) -> Body:
    """A JSON body, already written."""
    return Body(content=content, content_type="application/json")


def form(fields: Fields) -> Body:
    """A url-encoded form (https://url.spec.whatwg.org/#application/x-www-form-urlencoded).

    Raises:
        ConfigError: something in it is no Unicode text.
    """
    return Body(content=urlencode(_checked(fields)).encode(), content_type="application/x-www-form-urlencoded")


def multipart(fields: Fields, files: Iterable[FilePart] = ()) -> Body:
    """A multipart form (RFC 7578). Its files are measured now, and read when they are sent.

    Raises:
        ConfigError: a file cannot be read, or something else is no Unicode text.
    """
    boundary, files = secrets.token_hex(16), list(files)
    _checked((file.name, file.filename) for file in files)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{escape(name)}"\r\n\r\n{value}\r\n'
        for name, value in _checked(fields)
    ]
    form = MultipartContent.of(boundary, "".join(parts).encode(), files)
    # Without files there is nothing to read later: the form is plain bytes, and costs no more than JSON does.
    content = form if form.has_files else b"".join(form.blocks())
    return Body(content=content, content_type=f"multipart/form-data; boundary={boundary}")


def _checked(fields: Fields) -> list[tuple[str, str]]:
    """The fields, none of which holds half of a surrogate pair: JSON and badly decoded input can bring one."""
    found = list(fields)
    for name, value in found:
        try:
            f"{name}{value}".encode()
        except UnicodeEncodeError:
            raise ConfigError(
                f"{name!a}: holds half of a surrogate pair, which is no text. Nothing was sent."
            ) from None
    return found
