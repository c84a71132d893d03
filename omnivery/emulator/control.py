"""The control API under `/_/`: what the emulator saw, and orders to it. It asks for no token: keep it on loopback."""

from __future__ import annotations

from typing import Any

from attrs import asdict, filters
from starlette.requests import Request
from starlette.responses import Response

from omnivery.codec import loads
from omnivery.emulator.faults import Fault
from omnivery.emulator.message import StoredFile, StoredMessage
from omnivery.emulator.routes import Route, json_response
from omnivery.emulator.state import State
from omnivery.errors import ConfigError

SHOWN = 100
"""How many of the newest are shown."""


async def events(_request: Request, site: State) -> Response:
    """Count of the events received, and the newest of them."""
    newest = site.store.events[-SHOWN:]
    return json_response({"count": site.store.statistics.bot_events, "events": newest})


async def webhooks(_request: Request, site: State) -> Response:
    """Count of the tries to deliver webhooks, and the newest of them."""
    newest = [asdict(attempt) for attempt in site.store.attempts[-SHOWN:]]
    return json_response({"count": site.store.statistics.webhook_attempts, "webhooks": newest})


async def messages(_request: Request, site: State) -> Response:
    """Count of the messages accepted, and the newest of them; files are shown by name, type and size."""
    newest = [_shown(message) for message in site.store.messages[-SHOWN:]]
    return json_response({"count": site.store.statistics.messages, "messages": newest})


async def forget_messages(_request: Request, site: State) -> Response:
    """Forget the messages, and nothing else."""
    site.store.forget_messages()
    return json_response({"message": "The messages are forgotten"})


async def reset(_request: Request, site: State) -> Response:
    """Forget what was recorded and made, and the faults that were ordered."""
    site.store.reset()
    site.account.reset()
    site.faults.reset()
    return json_response({"message": "Everything is forgotten"})


async def fail(request: Request, site: State) -> Response:
    """Order a fault: a JSON object of `fail_next`'s arguments."""
    try:
        options = dict(loads(await request.body()))
        where, times = options.pop("where"), options.pop("times", 1)
        site.faults.order(where, Fault(**options), times=times)
    except KeyError:
        return json_response({"message": "where is missing: it names a route, or is *"}, status=400)
    except (TypeError, ValueError, ConfigError) as error:
        return json_response({"message": str(error.args[0])}, status=400)
    return json_response({"message": "The fault is ordered"})


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


ROWS = (
    Route("events", "GET", "/_/events", events),
    Route("messages", "GET", "/_/messages", messages),
    Route("messages", "DELETE", "/_/messages", forget_messages),
    Route("webhooks", "GET", "/_/webhooks", webhooks),
    Route("reset", "POST", "/_/reset", reset),
    Route("reset", "DELETE", "/_/", reset),
    Route("fail", "POST", "/_/fail", fail),
)
