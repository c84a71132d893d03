"""NDJSON: lines are handed on as bytes, unparsed."""

from __future__ import annotations

import io

from omnivery.events.event import EventLine
from omnivery.readers import ndjson


def test_a_line_comes_out_byte_for_byte() -> None:
    """Spacing, escapes and the order of keys are the user's: the bytes go into the batch as they are."""
    line = b'  {"uas" : "A\\u00e9\xc3\xa9",  "ip":"192.0.2.1","event_id":"1", "own":{"n":1.50}} '
    assert list(ndjson(io.BytesIO(line + b"\n"))) == [EventLine(data=line, line=1)]


def test_a_line_that_is_no_json_is_left_to_the_bulk_run() -> None:
    """The run has to look at every line anyway: two looks would cost twice, and could disagree."""
    assert list(ndjson(io.BytesIO(b"no json\n[1]\n"))) == [
        EventLine(data=b"no json", line=1),
        EventLine(data=b"[1]", line=2),
    ]
