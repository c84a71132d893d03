"""Bot detection: batches whose verdicts go to a webhook, single checks, and results to ask for."""

# https://docs.omnivery.com/api-ref/automations-api  (Bot detection)
from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from itertools import chain
from operator import itemgetter
from socket import inet_pton
from typing import Any, TypeGuard, cast

from starlette.requests import Request
from starlette.responses import Response

from omnivery.codec import dumps, loads
from omnivery.emulator.forms import is_web_url, media_type, read_form
from omnivery.emulator.records.bot_events import CODES, AcceptedBatch, accepted_check
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import Route, empty_response, json_response
from omnivery.emulator.state import State
from omnivery.emulator.store import Check
from omnivery.emulator.webhook_call import Delivery
from omnivery.events.ip_address import IPV4

BATCH_LIMIT = 500
"""Events in one batch (documented)."""
REQUIRED = ("ip", "uas", "event_id")
"""What each event of a batch must have, as text."""
_REQUIRED: Callable[[Any], tuple[Any, ...]] = itemgetter(*REQUIRED)
FORMS = {"multipart/form-data", "application/x-www-form-urlencoded"}
NUMBERS = ("ts", "message_ts")
"""Fields that a form can only send as text, and that the service echoes as numbers."""
LONGEST_NUMBER = 15
"""Digits of a timestamp that are still taken for one."""


async def submit(request: Request, state: State) -> Response:
    """Take a batch (JSON) or a single check (form): the content type tells them apart.

    The response to a batch is 200 with an empty body. Neither status nor body is documented; this is the least that a
    client may rely on. The response to a single check is 200 with its verdict, or 202 with a `request_id`, depending on
    `Emulator(single=…)`; 400 never has a body (documented).
    """
    if request.path_params["domain"].lower() not in state.settings.bot_domains:
        return json_response({"message": "Bot API is not enabled", "status": 402}, status=402)
    kind = media_type(request)
    if kind == "application/json":
        return await _submit_batch(request, state)
    if kind in FORMS:
        return await _check(request, state)
    return empty_response(400)


async def result(request: Request, state: State) -> Response:
    """Give the result of a single check; 404 while it is not ready, and when it is unknown or forgotten."""
    check = state.store.find_check(request.path_params["request_id"])
    domain = request.path_params["domain"].lower()
    if check is None or check.domain != domain or time.monotonic() < check.ready_at:
        return json_response({"message": "Request UUID is not processed yet or has expired", "status": 404}, status=404)
    return json_response(check.result)


ROUTES = (
    Route(
        "bot",
        "POST",
        "/{domain}/bot",
        submit,
        operations=("automations.bots.submit_batch", "automations.bots.check"),
    ),
    Route("bot.result", "GET", "/{domain}/bot/{request_id}", result, operations=("automations.bots.result",)),
)


async def _submit_batch(request: Request, state: State) -> Response:
    body = await request.body()
    batch = _read_batch(body)
    if batch is None:
        return empty_response(400)
    events, url = batch
    await state.webhook_sender.wait_for_room()
    verdicts, batch_id = state.detector.judge(events), str(uuid.uuid4())
    state.store.add_batch(
        AcceptedBatch(
            at=time.time(),
            domain=request.path_params["domain"].lower(),
            batch_id=batch_id,
            size=len(events),
            verdicts=bytes(map(CODES.__getitem__, verdicts)),
            body=body,
        )
    )
    judged = [{**event, "is_bot": bot} for event, bot in zip(events, verdicts, strict=True) if bot is not None]
    _send_verdicts(state, judged, url=url, batch_id=batch_id, delay=state.latency.verdicts())
    return empty_response(200)


def _read_batch(body: bytes) -> tuple[list[dict[str, Any]], str] | None:
    """The events of a batch and where their verdicts go; None for what is no batch."""
    try:
        batch = _object(loads(body))
    except ValueError:
        return None
    events, url = batch.get("events"), batch.get("webhook_url")
    return (events, url) if _are_events(events) and is_web_url(url) else None


async def _check(request: Request, state: State) -> Response:
    event = await _form_fields(request, state)
    if event is None or not _is_checkable(event):
        return empty_response(400)
    await _pass_time(state.latency.check(), state)
    (is_bot,) = state.detector.judge([event])
    result = {"is_bot": is_bot, "request": event}
    domain, request_id = request.path_params["domain"].lower(), str(uuid.uuid4())
    check = accepted_check(event, is_bot, domain=domain, check_id=request_id)
    if is_bot is not None and state.settings.single == "now":
        state.store.add_single(check)
        return json_response(result)
    if "webhook_url" in event:
        await state.webhook_sender.wait_for_room()
    state.store.add_single(check)
    return _respond_later(result, domain, request_id, state)


def _respond_later(result: dict[str, Any], domain: str, request_id: str, state: State) -> Response:
    event, is_bot, delay = result["request"], result["is_bot"], state.settings.result_delay
    ready_at = math.inf if is_bot is None else time.monotonic() + delay
    state.store.add_check(request_id, Check(domain=domain, ready_at=ready_at, result=result))
    if "webhook_url" in event and is_bot is not None:
        judged = [{**event, "is_bot": is_bot}]
        _send_verdicts(state, judged, url=event["webhook_url"], batch_id=request_id, delay=delay)
    return json_response({"request_id": request_id}, status=202)


def _send_verdicts(state: State, judged: list[dict[str, Any]], *, url: str, batch_id: str, delay: float = 0.0) -> None:
    """Hand verdicts to the webhook sender, if there are any.

    What the real `batch` object holds is not known; its two keys are the emulator's own.
    """
    if judged:
        body = dumps({"batch": {"id": batch_id, "size": len(judged)}, "events": judged})
        delivery = Delivery(url=url, batch_id=batch_id, kind="bot", body=body, events=len(judged), delay=delay)
        state.webhook_sender.dispatch(delivery)


async def _pass_time(seconds: float, state: State) -> None:
    """Wait, but not longer than the emulator runs."""
    if seconds:
        with suppress(TimeoutError):
            await asyncio.wait_for(state.stopping.wait(), seconds)


async def _form_fields(request: Request, state: State) -> dict[str, Any] | None:
    try:
        fields: dict[str, Any] = dict((await read_form(request, state)).fields)
    except Refusal:
        return None
    for name in NUMBERS:
        value = fields.get(name, "")
        if value.isdecimal() and len(value) <= LONGEST_NUMBER:
            fields[name] = int(value)
    return fields


def _is_checkable(event: dict[str, Any]) -> bool:
    ip, url = event.get("ip"), event.get("webhook_url")
    told = bool(ip or event.get("uas"))
    return told and (not ip or _is_address(ip)) and (url is None or is_web_url(url))


def _are_events(value: object) -> TypeGuard[list[dict[str, Any]]]:
    if not isinstance(value, list):
        return False
    items = cast("list[object]", value)
    return 0 < len(items) <= BATCH_LIMIT and (_are_plain_events(items) or all(_is_event(item) for item in items))


def _are_plain_events(items: list[object]) -> bool:
    """Return True for nearly all valid batches and for no invalid one, in a tenth of the time: column by column."""
    if {*map(type, items)} != {dict}:
        return False
    try:
        columns = list(zip(*map(_REQUIRED, items), strict=True))
        if {*map(type, chain(*columns))} != {str}:
            return False
        for ip in columns[0]:
            inet_pton(IPV4, ip)
    except (KeyError, OSError, ValueError):
        return False
    return True


def _is_event(value: object) -> bool:
    ip, *others = (_object(value).get(name) for name in REQUIRED)
    return isinstance(ip, str) and all(isinstance(other, str) for other in others) and _is_address(ip)


def _object(value: object) -> dict[str, Any]:
    """A JSON object as it is; anything else as an empty one, which lacks whatever is required."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
