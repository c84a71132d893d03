"""One call that a recorder has seen: what was sent, and how it ended."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import field, frozen

from omnivery import codec
from omnivery.testing.sent_body import body_fields, form_parts, joined, media_type


@frozen(kw_only=True)
class RecordedCall:
    """One call of a client. Retries belong to the same call. Keys and tokens are not recorded."""

    operation: str
    """The operation's name, such as `mailgun.messages.send`."""
    method: str
    """HTTP method."""
    url: str
    """The URL, with its query."""
    template: str = field(repr=False)
    """The operation's path, such as `/{domain}/messages`."""
    content_type: str | None = field(default=None, repr=False)
    """Value of the Content-Type header; None for a request without a body."""
    content: bytes = field(default=b"", repr=False)
    """The body, as it was sent."""
    status: int | None = None
    """Status of the last response; None if there was none, or is none yet."""
    error: BaseException | None = None
    """The error that left the call; None if it succeeded, or is not over."""
    attempts: int = 0
    """How many times the request was tried."""

    @cached_property
    def path(self) -> dict[str, str]:
        """Values of the parts of the path, such as `domain` and `address`."""
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(self.template))
        found = re.search(f"{pattern}$", urlsplit(self.url).path)
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else {}

    @cached_property
    def query(self) -> dict[str, Any]:
        """Query parameters. One that occurs more than once has a list of its values."""
        return joined(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @cached_property
    def fields(self) -> dict[str, Any]:
        """Fields of the body: of a form, or of a JSON object. A file has its file name.

        A form field that occurs more than once has a list of its values.
        """
        return body_fields(self.content_type, self.content)

    @cached_property
    def json(self) -> Any:
        """The body, if it is JSON; None if it is not."""
        return codec.loads(self.content) if media_type(self.content_type) == "application/json" else None

    @cached_property
    def files(self) -> dict[str, bytes]:
        """Contents of the files, by file name."""
        parts = form_parts(self.content_type, self.content)
        return {filename: content for _, filename, content in parts if filename is not None}

    @property
    def sent(self) -> dict[str, Any]:
        """Everything that was sent, by the API's own names: parts of the path, query, and fields of the body."""
        return {**self.path, **self.query, **self.fields}
