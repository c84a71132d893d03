"""The control API under `/_/`: records, faults and resets. It requires no token: keep it on a loopback address."""

from __future__ import annotations

from typing import Any

from attrs import asdict, filters
from starlette.requests import Request
from starlette.responses import Response

from omnivery.codec import loads
from omnivery.emulator.faults import Fault
from omnivery.emulator.message import StoredFile, StoredMessage
from omnivery.emulator.receiver import shown
from omnivery.emulator.routes import Route, json_response
from omnivery.emulator.state import State
from omnivery.errors import ConfigError

SHOWN = 100
"""Number of the newest records that are returned."""


async def events(_request: Request, state: State) -> Response:
    """Return the number of events received, and the newest of them."""
    newest = [record.event for record in state.store.bot_events.find().records[::-1]]
    return json_response({"count": state.store.statistics.bot_events, "events": newest})


async def webhooks(_request: Request, state: State) -> Response:
    """Return the number of attempts to deliver webhooks, and the newest of them."""
    newest = [asdict(attempt) for attempt in state.store.attempts[-SHOWN:]]
    return json_response({"count": state.store.statistics.webhook_attempts, "webhooks": newest})


async def verdicts(_request: Request, state: State) -> Response:
    """Return counts of the verdicts that the emulator's own receiver received, and the newest of them."""
    newest = [shown(record.verdict) for record in state.store.verdicts.find().records[::-1]]
    return json_response({**state.received.counts, "newest": newest})


async def messages(_request: Request, state: State) -> Response:
    """Return the number of messages accepted, and the newest of them, with their files' names, types and sizes."""
    found = [state.store.messages.get(summary.id) for summary in state.store.messages.find().records[::-1]]
    newest = [_shown(record.message) for record in found if record]
    return json_response({"count": state.store.statistics.messages, "messages": newest})


async def forget_messages(_request: Request, state: State) -> Response:
    """Delete the stored messages, and nothing else."""
    state.store.forget_messages()
    return json_response({"message": "The messages are deleted"})


async def reset(_request: Request, state: State) -> Response:
    """Delete all records and everything that was created, webhooks in progress, and the faults that were requested."""
    await state.webhook_sender.drop()
    state.store.reset()
    state.account.reset()
    state.faults.reset()
    state.received.reset()
    state.detector.honeypot.forget()
    state.account_file.plan()
    return json_response({"message": "Everything is deleted"})


async def fail(request: Request, state: State) -> Response:
    """Request a fault, by a JSON object of `fail_next`'s arguments."""
    try:
        options = dict(loads(await request.body()))
        where, times = options.pop("where"), options.pop("times", 1)
        state.faults.add(where, Fault(**options), times=times)
    except KeyError:
        return json_response({"message": "where is missing: it must be the name of a route, or *"}, status=400)
    except (TypeError, ValueError, ConfigError) as error:
        return json_response({"message": str(error.args[0])}, status=400)
    return json_response({"message": "The fault is set"})


def _shown(message: StoredMessage) -> dict[str, Any]:
    mime = message.mime
    files = filters.exclude("attachments", "inline", "mime")
    return {
        **asdict(message, filter=files),
        "attachments": [_file(file) for file in message.attachments],
        "inline": [_file(file) for file in message.inline],
        "mime": None if mime is None else mime.decode("utf-8", "replace"),
    }


def _file(file: StoredFile) -> dict[str, Any]:
    return {"name": file.name, "media_type": file.media_type, "size": len(file.content)}


ROUTES = (
    Route("events", "GET", "/_/events", events),
    Route("messages", "GET", "/_/messages", messages),
    Route("messages", "DELETE", "/_/messages", forget_messages),
    Route("webhooks", "GET", "/_/webhooks", webhooks),
    Route("verdicts", "GET", "/_/verdicts", verdicts),
    Route("reset", "POST", "/_/reset", reset),
    Route("reset", "DELETE", "/_/", reset),
    Route("fail", "POST", "/_/fail", fail),
)
