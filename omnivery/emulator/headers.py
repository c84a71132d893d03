"""What headers of a message say to the service: options, and a message id of the sender's own."""

# https://docs.omnivery.com/docs/sending/email
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from omnivery.codec import dumps, loads

Headers: TypeAlias = Sequence[tuple[str, str]]
"""Names and values, in order."""
MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>", re.ASCII)
"""A message id: ASCII without spaces, angle brackets and a second at sign (RFC 5322, section 3.6.4)."""
LONGEST_ID = 998
"""Most characters of a message id, which is those of a line (RFC 5322, section 2.1.1)."""
OPTIONS = {"x-ov-callback-url": "callback_url", "x-ov-tag": "o:tag", "x-ov-track": "o:tracking"}
"""The form's field that sets what a header sets."""
VARIABLES, VARIABLES_OF_MAILGUN = "x-ov-variables", "x-mailgun-variables"
"""Headers with the sender's variables, in a JSON object. Mailgun's is so in MIME alone: the field
`h:X-Mailgun-Variables` holds a template's data, by the page."""


def own_message_id(headers: Headers) -> str | None:
    """Return the message id that the sender chose, with angle brackets; None for none that is one.

    Neither page says what becomes of it; that it is kept is Mailgun's way, and what lets replies find their message.
    """
    found = (value.strip() for name, value in headers if name.lower() == "message-id")
    return next((value for value in found if len(value) <= LONGEST_ID and MESSAGE_ID.fullmatch(value)), None)


def header_options(fields: Headers, mime: Headers) -> tuple[tuple[str, str], ...]:
    """Return the options that headers set, by the names of the form's fields that set the same.

    Args:
        fields: headers in fields `h:…` of the request.
        mime: headers of a MIME message.
    """
    return (*_options(fields, {VARIABLES}), *_options(mime, {VARIABLES, VARIABLES_OF_MAILGUN}))


def _options(headers: Headers, variables: set[str]) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        if (option := OPTIONS.get(name.lower())) and value.strip():
            yield option, value.strip()
        if name.lower() in variables:
            for key, item in _json_object(value).items():
                yield f"v:{key}", item if isinstance(item, str) else dumps(item).decode()


def _json_object(text: str) -> dict[str, Any]:
    try:
        found = loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
