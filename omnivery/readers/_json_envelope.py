"""What tools put around records in JSON: `{"Records": [{…}, …]}`, `{"hits": {"hits": [{…}, …]}}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

from omnivery import codec

IsRecord: TypeAlias = Callable[[bytes], bool]
"""Says whether an object is one of those that are wanted."""

BRACKET = re.compile(rb'[^{}\[\]"]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^{}\[\]"]*+)*+([{}\[\]])', re.DOTALL)
"""Up to the next bracket outside of quotes."""


ENVELOPE_CUT_OFF = "cut off: the JSON object around the records does not end"
"""Why more records cannot be read."""


class Records(NamedTuple):
    """Where the records in an envelope begin."""

    at: int
    """The first one's place."""
    open: int
    """Brackets that are open there."""


def records_in(data: bytes, is_record: IsRecord) -> Records | None:
    """Find the records that an object holds in a list; None if it is a record itself, or holds none.

    It is the first list whose first object is a record: tools name it as they like, and put others before it.

    Args:
        data: an object, or its beginning if it is a long one.
        is_record: what is wanted.
    """
    if _LIST.search(data) is None or is_record(data):
        return None
    for found in _lists(data):
        end = _end_of(data, found.at)
        if end is None:
            return None
        if is_record(data[found.at : end]):
            return found
    return None


_LIST = re.compile(rb"\[\s*+\{")
_DEEPEST = 3
"""Objects within one another around such a list."""


def _lists(data: bytes) -> Iterator[Records]:
    """Where lists begin whose first item is an object, and that are in no other list."""
    objects = lists = 0
    for found in BRACKET.finditer(data):
        match found[1]:
            case b"{":
                objects += 1
            case b"}":
                objects -= 1
            case b"]":
                lists -= 1
            case _:
                lists += 1
                if lists == 1 and 1 <= objects <= _DEEPEST and _LIST.match(data, found.end() - 1):
                    yield Records(data.index(b"{", found.end()), objects + 1)


def _end_of(data: bytes, at: int) -> int | None:
    """Where the object ends that begins here."""
    depth = 0
    for found in BRACKET.finditer(data, at):
        depth += 1 if found[1] in b"{[" else -1
        if depth == 0:
            return found.end()
    return None


def parsed_object(data: bytes) -> dict[str, Any] | None:
    """Return the object in some JSON; None if it is anything else."""
    try:
        found = codec.loads(data)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
