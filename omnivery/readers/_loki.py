"""Lines of a log as Grafana Loki has them: a time and a line, in the lists of its streams.

https://grafana.com/docs/loki/latest/reference/loki-http-api/: `{"data": {"result": [{"stream": {…},
"values": [["1", "…"], …]}]}}` of a query, `{"streams": [{"stream": {…}, "values": [["1", "…", {…}], …]}]}` of a push.
Under `/api/prom/`, which came before, both have `{"streams": [{"labels": "{…}", "entries": [{"ts": "2018-…", "line":
"…"}, …]}]}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from omnivery import codec
from omnivery.events.event import EventLine, UnreadableLine
from omnivery.readers._json_envelope import ENVELOPE_CUT_OFF
from omnivery.readers._lines import MAX_LINE, too_long

_TIME = rb'\[\s*+"\d{16,20}"\s*+,\s*+'
_OLD_TIME = rb'\{\s*+"ts"\s*+:\s*+"[^"\\]{10,40}"\s*+,\s*+"line"\s*+:\s*+'
_BEGINS = re.compile(rb'(?:"values"\s*+:\s*+\[\s*+%b|"entries"\s*+:\s*+\[\s*+%b)"' % (_TIME, _OLD_TIME))
_BEFORE = b"\xef\xbb\xbf \t\r\n"
"""What may stand before the JSON."""
_PAIR = re.compile(rb'(?:%b|%b)("(?:[^"\\]|\\.)*+")' % (_TIME, _OLD_TIME), re.DOTALL)
_START = re.compile(rb'(?:%b|%b)"' % (_TIME, _OLD_TIME))
"""The beginning of a pair. Inside of JSON's texts no quote stands without a backslash, so it is nowhere else."""
_LONGEST_START = 256
"""Bytes at the end of what is in hand that may be the beginning of a start."""


def is_loki(text: bytes) -> bool:
    """Whether JSON that begins so holds streams of Loki."""
    return text.lstrip(_BEFORE).startswith(b"{") and _BEGINS.search(text) is not None


# Every format looks at the same sample.
@lru_cache(maxsize=4)
def has_streams(sample: Sequence[bytes]) -> bool:
    """Whether JSON of which these are the first lines holds streams of Loki."""
    return sample[0].lstrip(_BEFORE).startswith(b"{") and is_loki(b"\n".join(sample))


def loki_lines(
    pieces: Iterable[bytes], *, leave: Callable[[int], None] | None = None
) -> Iterator[EventLine | UnreadableLine]:
    """Yield the lines in streams of Loki, each with the number of the line of JSON on which it begins.

    Args:
        pieces: the JSON.
        leave: if the JSON may still grow: told how many bytes of a line have not come to their end.
    """
    text, number = b"", 1
    for piece in pieces:
        text += piece
        at = 0
        while (found := _START.search(text, at)) is not None:
            number += text.count(b"\n", at, found.start())
            at = found.start()
            pair = _PAIR.match(text, at)
            if pair is None and len(text) - at <= MAX_LINE:
                break
            yield _line_of(pair, number)
            end = found.end() if pair is None else pair.end()
            number += text.count(b"\n", at, end)
            at = end
        else:
            end = max(at, len(text) - _LONGEST_START)
            number += text.count(b"\n", at, end)
            at = end
        text = text[at:]
    if text.rstrip().endswith(b"}"):
        return
    if leave is not None:
        leave(len(text) or 1)
    else:
        inside = _START.match(text) is not None
        reason = "cut off inside a line" if inside else ENVELOPE_CUT_OFF
        yield UnreadableLine(line=number, reason=reason)


def _line_of(pair: re.Match[bytes] | None, number: int) -> EventLine | UnreadableLine:
    if pair is None or len(pair[1]) > MAX_LINE:
        return too_long(number)
    try:
        line = codec.loads(pair[1])
    except ValueError:
        return UnreadableLine(line=number, reason="not JSON")
    return EventLine(data=line.rstrip("\r\n").encode("utf-8", "surrogatepass"), line=number)
