"""Results of CloudWatch Logs Insights, whose rows are lists of pairs: `[{"field": "@message", "value": "…"}, …]`.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetQueryResults.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from omnivery.readers._lines import MAX_LINE

_TEXT = rb'"(?:[^"\\]|\\.)*+"'
_PAIR = rb'\{\s*+"field"\s*+:\s*+(%b)\s*+,\s*+"value"\s*+:\s*+(%b)\s*+\}' % (_TEXT, _TEXT)
_PAIRS = re.compile(_PAIR, re.DOTALL)
_ROW = re.compile(rb"\[\s*+%b(?:\s*+,\s*+%b)*+\s*+\]" % (_PAIR, _PAIR), re.DOTALL)
_BEGINS = re.compile(
    rb'(?:\xef\xbb\xbf)?\s*+(?:\{(?:\s*+"queryLanguage"\s*+:\s*+%b\s*+,)?\s*+"results"\s*+:\s*+)?'
    rb'\[\s*+\[\s*+\{\s*+"field"\s*+:' % _TEXT
)


def rows_as_objects(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Return JSON with an object, `{"@message": "…", …}`, for each such row; anything else as it is."""
    text = next(pieces, None)
    if text is None:
        return
    if _BEGINS.match(text) is None:
        yield text
        yield from pieces
        return
    for piece in pieces:
        done, text = _complete(text)
        yield done
        text += piece
        if len(text) > MAX_LINE:  # no row is that long
            yield text
            text = b""
    yield from _complete(text)


def _complete(text: bytes) -> tuple[bytes, bytes]:
    """The text up to the end of its last row, and what is left of it."""
    done, end = b"", 0
    for row in _ROW.finditer(text):
        done += text[end : row.start()] + _object(row[0])
        end = row.end()
    return done, text[end:]


def _object(row: bytes) -> bytes:
    members = b",".join(b"%b:%b" % pair for pair in _PAIRS.findall(row))
    # What follows stays on its line.
    return b"{%b}" % members + b"\n" * row.count(b"\n")
