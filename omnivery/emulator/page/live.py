"""The stream of changes, as server-sent events: which kinds of records changed, and the counts."""

from __future__ import annotations

from collections.abc import AsyncIterator

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from omnivery.codec import dumps
from omnivery.emulator.page.counts import counts
from omnivery.emulator.records.changes import KINDS
from omnivery.emulator.state import State

EVERY = 0.4
"""Seconds between two changes at least, however many records come in."""
HEARTBEAT = 15.0
"""Seconds after which a line is sent when nothing changes, so that a dead connection is noticed."""
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


async def live(_request: Request, state: State) -> Response:
    """Return the stream. It names kinds, and holds no record: the page asks for what it shows."""
    return StreamingResponse(_stream(state), media_type="text/event-stream", headers=HEADERS)


async def _stream(state: State) -> AsyncIterator[bytes]:
    with state.store.changes.subscribe() as subscription:
        yield b"retry: 1000\n\n"
        yield await _event(state, sorted(KINDS))
        while not subscription.ended:
            changed = await subscription.changed(HEARTBEAT)
            if subscription.ended:
                return
            yield await _event(state, sorted(changed)) if changed else b": still here\n\n"
            await subscription.pause(EVERY)


async def _event(state: State, kinds: list[str]) -> bytes:
    shown = await to_thread.run_sync(counts, state)
    return b"event: change\ndata: " + dumps({"kinds": kinds, "counts": shown}) + b"\n\n"
