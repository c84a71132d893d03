"""A message as MIME text, and its header fields."""

from __future__ import annotations

import re

from omnivery.emulator.composition import compose
from omnivery.emulator.message import StoredMessage
from omnivery.emulator.mime import read_mime

FOLDS = re.compile(r"[\r\n]+[ \t]*")


def source(message: StoredMessage) -> bytes:
    """Return the MIME text: as it was sent, or composed of the request's fields."""
    return compose(message) if message.mime is None else message.mime


def headers(message: StoredMessage) -> list[tuple[str, str]]:
    """Return the header fields in their order, decoded and unfolded."""
    return [(name, FOLDS.sub(" ", str(value)).strip()) for name, value in read_mime(source(message)).items()]
