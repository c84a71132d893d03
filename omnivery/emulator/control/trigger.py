"""Webhook calls on demand: an example of each kind, delivered and recorded like any other."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from omnivery.codec import dumps
from omnivery.emulator.control.parameters import read_object
from omnivery.emulator.delivery import configured_urls
from omnivery.emulator.examples import HAPPENINGS, VERDICTS, example_call, find_kind
from omnivery.emulator.forms import is_web_url
from omnivery.emulator.receiver import PATH
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import Route, json_response
from omnivery.emulator.state import State
from omnivery.emulator.webhook_call import Delivery
from omnivery.errors import ConfigError


async def trigger(request: Request, state: State) -> Response:
    """Deliver an example of a webhook call, with values of your own.

    It goes to the `url` of the JSON body; else to the URLs that the domain has for that kind; else to the emulator's
    own receiver.
    """
    options = await read_object(request, "url", "domain", "fields", "flags")
    domain = _text(options, "domain") or state.settings.domain
    try:
        kind = find_kind(request.path_params["kind"])
        call = example_call(kind, domain=domain, fields=_object(options, "fields"), flags=_object(options, "flags"))
    except ConfigError as error:
        raise Refusal(str(error.args[0]), status=404 if "of the kind" in str(error) else 400) from None
    urls = _urls(options, kind, domain, request, state)
    numbers = [number for url in urls for number in state.webhook_sender.dispatch(_delivery(call, kind, url))]
    return json_response({"deliveries": numbers, "urls": urls, "body": call}, status=202)


def _urls(options: dict[str, Any], kind: str, domain: str, request: Request, state: State) -> list[str]:
    if "url" in options:
        if not is_web_url(options["url"]):
            raise Refusal("url must be an http or https URL")
        return [options["url"]]
    configured: list[str] = []
    if kind in HAPPENINGS:
        configured = configured_urls(HAPPENINGS[kind], state.account.find(domain))
    return configured or [_own_receiver(request)]


def _own_receiver(request: Request) -> str:
    # From the socket: the Host header contains whatever a client sends.
    host, port = request.scope["server"]
    return f"http://[{host}]:{port}{PATH}" if ":" in host else f"http://{host}:{port}{PATH}"


def _delivery(call: dict[str, Any], kind: str, url: str) -> Delivery:
    if kind in VERDICTS:
        batch_id, count = call["batch"]["id"], len(call["events"])
        return Delivery(url=url, batch_id=batch_id, kind="bot", body=dumps(call), events=count)
    data = call["event-data"]
    return Delivery(url=url, batch_id=str(uuid.uuid4()), kind=str(data.get("event", kind)), body=dumps(call))


def _text(options: dict[str, Any], name: str) -> str | None:
    value = options.get(name)
    if value is not None and not isinstance(value, str):
        raise Refusal(f"{name} must be text")
    return value


def _object(options: dict[str, Any], name: str) -> dict[str, Any]:
    value = options.get(name) or {}
    if not isinstance(value, dict):
        raise Refusal(f"{name} must be a JSON object")
    return value


ROUTES = (Route("trigger", "POST", "/_/trigger/{kind}", trigger),)
