"""Telling the formats apart by their first line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from omnivery.automations.event import BotEvent, EventLine, UnreadableLine
from omnivery.readers.combined_log import log_events
from omnivery.readers.json_lines import event_lines
from omnivery.readers.lines import Block, blocks
from omnivery.readers.opening import Source


def read(source: Source) -> Iterator[BotEvent | EventLine | UnreadableLine]:
    """Read events from NDJSON or from an Apache or nginx log, whichever it is.

    A source whose first line that is not blank starts with `{` is read as `ndjson()` does, any other as
    `access_log()` does. Arguments and errors are theirs too.
    """
    return _detected(blocks(source))


def _detected(all_blocks: Iterator[Block]) -> Iterator[BotEvent | EventLine | UnreadableLine]:
    for block in all_blocks:
        start = next((line.lstrip() for line in block[1] if line and not line.isspace()), None)
        if start is None:
            # Blank and over-long lines alone: they come out the same in either format.
            yield from event_lines([block])
            continue
        reader = event_lines if start.startswith(b"{") else log_events
        yield from reader(chain([block], all_blocks))
