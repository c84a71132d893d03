"""Encode arguments as paths, query strings, JSON bodies and forms."""

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
"""Form fields or query parameters; a name may occur more than once."""
JSON = "application/json"
"""Content type of JSON."""


@frozen(kw_only=True)
class Body:
    """An encoded request body."""

    content: Content = field(repr=False)
    content_type: str


def fill_path(template: str, values: Mapping[str, str]) -> str:
    """Fill a path template. Each value is percent-encoded as one segment, with no safe characters.

    Raises:
        ConfigError: a value is empty or a dot segment, either of which would change the path, or it is not valid
            Unicode text.
    """
    _checked(values.items())

    def segment(match: re.Match[str]) -> str:
        name = match[1]
        value = values[name]
        if not isinstance(value, str):
            raise ConfigError(f"{name}: expected text, not {type(value).__name__}. Nothing was sent.")
        if value.strip() in {"", ".", ".."}:
            raise ConfigError(f"{name}: must not be empty or made of dots. Nothing was sent.")
        return quote(value, safe="")

    return re.sub(r"\{(\w+)\}", segment, template)


def query(fields: Fields) -> str:
    """Return a query string with its leading question mark, or an empty string if there are no parameters.

    Raises:
        ConfigError: a name or value is not valid Unicode text.
    """
    checked = _checked(fields)
    return f"?{urlencode(checked)}" if checked else ""


def json(content: bytes) -> Body:
    """Return a body of JSON that is already serialised."""
    return Body(content=content, content_type=JSON)


def form(fields: Fields) -> Body:
    """Return a URL-encoded form (https://url.spec.whatwg.org/#application/x-www-form-urlencoded).

    Raises:
        ConfigError: a name or value is not valid Unicode text.
    """
    return Body(content=urlencode(_checked(fields)).encode(), content_type="application/x-www-form-urlencoded")


def multipart(fields: Fields, files: Iterable[FilePart] = ()) -> Body:
    """Return a multipart form (RFC 7578). File sizes are taken now; file contents are read while they are sent.

    Raises:
        ConfigError: a file cannot be read, or a name or value is not valid Unicode text.
    """
    boundary, files = secrets.token_hex(16), list(files)
    _checked((file.name, file.filename) for file in files)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{escape(name)}"\r\n\r\n{value}\r\n'
        for name, value in _checked(fields)
    ]
    form = MultipartContent.of(boundary, "".join(parts).encode(), files)
    # Without files there is nothing to read later, so plain bytes do, and cost no more than JSON.
    content = form if form.has_files else b"".join(form.blocks())
    return Body(content=content, content_type=f"multipart/form-data; boundary={boundary}")


def _checked(fields: Fields) -> list[tuple[str, str]]:
    """Return the fields, and refuse half a surrogate pair, which JSON and badly decoded input can contain."""
    try:
        found = [(name, value) for name, value in fields]
    except (TypeError, ValueError) as error:
        raise ConfigError("query, form: expected pairs such as [('limit', '5')]. Nothing was sent.") from error
    for name, value in found:
        try:
            f"{name}{value}".encode()
        except UnicodeEncodeError:
            raise ConfigError(
                f"{name!a}: contains half of a surrogate pair, which UTF-8 cannot encode. Nothing was sent."
            ) from None
    return found
