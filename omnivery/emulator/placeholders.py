"""Placeholders in messages: `%recipient.name%` of recipient variables, and the keys of `substitutions`."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from omnivery.codec import loads
from omnivery.emulator.message import StoredMessage

RECIPIENT = re.compile(r"%recipient(?:\.([^%\s]{1,256}))?%")


class Placeholders:
    """Fills in the values of one message for one recipient.

    Args:
        message: the message, whose fields have the values.
        recipient: the recipient; None if the text is for several, and has no values of one.
    """

    def __init__(self, message: StoredMessage, *, recipient: str | None) -> None:
        everyone = _object(message.value("recipient-variables"))
        own = {address.lower(): variables for address, variables in everyone.items()}
        self._recipient = recipient
        self._own: Any = own.get((recipient or "").lower(), {})
        given = _object(message.value("substitutions"))
        self._substitutions = {key: _text(value) for key, value in given.items() if key}
        # The longest key first: it may begin with another one.
        keys = sorted(self._substitutions, key=len, reverse=True)
        self._keys = re.compile("|".join(map(re.escape, keys))) if keys else None

    def fill(self, text: str) -> str:
        """Return a text with values in place of placeholders. A placeholder without a value is left as it is."""
        if self._keys:
            text = self._keys.sub(lambda match: self._substitutions[match[0]], text)
        return text if self._recipient is None else RECIPIENT.sub(self._value, text)

    def fill_bytes(self, mime: bytes) -> bytes:
        """Do the same in a MIME text, as far as its encodings show the placeholders."""
        if self._recipient is None and not self._substitutions:
            return mime
        return self.fill(mime.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def _value(self, match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return self._recipient or match[0]
        found = _find(self._own, name)
        return match[0] if found is None else _text(found)


def _find(variables: Any, path: str) -> Any:
    """The value of a name, which may be the path to a nested value: `link.url`."""
    if not isinstance(variables, dict):
        return None
    known = cast("dict[str, Any]", variables)
    if path in known:
        return known[path]
    first, dot, rest = path.partition(".")
    return _find(known.get(first), rest) if dot else None


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = loads(text or "{}")
    except ValueError:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # JSON may have halves of surrogate pairs, which have no UTF-8.
    return text.encode("utf-8", "replace").decode()
