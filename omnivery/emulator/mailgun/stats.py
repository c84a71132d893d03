"""Statistics: what happened to a domain's messages."""

# https://docs.omnivery.com/api-ref/mailgun-api  (Stats)
from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from omnivery.codec import parse_datetime
from omnivery.emulator.forms import read_query
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import json_response, mailgun
from omnivery.emulator.state import State
from omnivery.emulator.stats import RESOLUTIONS, SHAPES, floor, nested
from omnivery.transport.operation import KeyKind

USUAL_SPAN = timedelta(days=7)
"""Period before `end` if no start is given (Mailgun's own default)."""
MOST_BUCKETS = 10_000
"""Most buckets of one response: this emulator's own limit."""
WIDTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "month": timedelta(days=28)}
"""The least that a bucket spans."""


async def total(request: Request, state: State) -> Response:
    """Counts of the events that are asked for."""
    domain = state.account.find(request.path_params["domain"])
    events, resolution = _events(request), request.query_params.get("resolution", "day")
    if resolution not in RESOLUTIONS:
        raise Refusal(f"resolution must be one of {', '.join(RESOLUTIONS)}")
    end = _moment(request, "end", datetime.now(UTC))
    start = _moment(request, "start", end - USUAL_SPAN)
    if not timedelta(0) <= end - start <= WIDTHS[resolution] * MOST_BUCKETS:
        raise Refusal("start must be before end, and not too far")
    stats = [
        {"time": _text(time), **_counts(events, counts, state)}
        for time, counts in domain.stats.buckets(start, end, resolution)
    ]
    content = {"start": _text(floor(start, resolution)), "end": _text(floor(end, resolution))}
    return json_response({**content, "resolution": resolution, "stats": stats})


def _counts(events: list[str], counts: Counter[str], state: State) -> dict[str, Any]:
    return {event: nested(event, counts, like_mailgun=state.settings.like_mailgun) for event in events}


def _events(request: Request) -> list[str]:
    asked = [name for value in read_query(request).all("event") for name in value.split(",")]
    if not asked:
        raise Refusal("event parameter is missing")
    if unknown := [name for name in asked if name not in SHAPES]:
        raise Refusal(f"event {unknown[0]!r} is none of {', '.join(SHAPES)}")
    return list(dict.fromkeys(asked))


def _moment(request: Request, name: str, default: datetime) -> datetime:
    text = request.query_params.get(name)
    found = parse_datetime(text) if text else default
    if found is None:
        raise Refusal(f"{name} parameter is no RFC 2822 date and no unix time")
    return found


def _text(moment: datetime) -> str:
    return f"{moment:%a, %d %b %Y %H:%M:%S} UTC"


ROUTES = (mailgun("stats.total", "GET", "/{domain}/stats/total", total, KeyKind.ANY),)
