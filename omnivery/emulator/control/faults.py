"""Faults in the control API: those by chance, and those of the next requests."""

from __future__ import annotations

from typing import Any

from attrs import asdict
from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.control.parameters import read_object
from omnivery.emulator.fault import Fault
from omnivery.emulator.fault_spec import FaultSpec
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import Route, json_response
from omnivery.emulator.state import State
from omnivery.errors import ConfigError

OPTIONS = ("where", "times", "status", "retry_after", "delay", "after", "body", "headers")
"""The arguments of `Emulator.fail_next`."""


async def show(_request: Request, state: State) -> Response:
    """Return the faults by chance, as text and in parts, and those that were requested and not met yet."""
    return json_response(_shown(state))


async def replace(request: Request, state: State) -> Response:
    """Set the faults by chance, by the text that `--faults` takes. Those that were requested remain."""
    options = await read_object(request, "faults")
    if not isinstance(options.get("faults"), str):
        raise Refusal("faults is missing: it must be text, such as 429=5%,delay=50ms")
    try:
        state.faults.spec = FaultSpec.parse(options["faults"])
    except ConfigError as error:
        raise Refusal(str(error.args[0])) from None
    state.store.changes.tell("faults")
    return json_response(_shown(state))


async def clear(_request: Request, state: State) -> Response:
    """Remove all faults, those by chance and those that were requested."""
    state.faults.spec = FaultSpec()
    state.faults.reset()
    state.store.changes.tell("faults")
    return json_response(_shown(state))


async def fail(request: Request, state: State) -> Response:
    """Request a fault, by a JSON object of `fail_next`'s arguments."""
    options = await read_object(request, *OPTIONS)
    if "where" not in options:
        raise Refusal("where is missing: it must be the name of a route, or *")
    where, times = options.pop("where"), options.pop("times", 1)
    try:
        state.faults.add(where, Fault(**options), times=times)
    except (TypeError, ValueError, ConfigError) as error:
        raise Refusal(str(error.args[0])) from None
    state.store.changes.tell("faults")
    return json_response({"message": "The fault is set"})


def _shown(state: State) -> dict[str, Any]:
    spec = state.faults.spec
    return {"faults": str(spec), **spec.as_data(), "requested": [_requested(*each) for each in state.faults.pending]}


def _requested(where: str, fault: Fault, times: int) -> dict[str, Any]:
    """A fault as the arguments of `fail_next`."""
    body = fault.body.decode("utf-8", "replace") if isinstance(fault.body, bytes) else fault.body
    headers = None if fault.headers is None else dict(fault.headers)
    return {"where": where, "times": times, **asdict(fault, recurse=False), "body": body, "headers": headers}


ROUTES = (
    Route("faults", "GET", "/_/faults", show),
    Route("faults", "PUT", "/_/faults", replace),
    Route("faults", "DELETE", "/_/faults", clear),
    Route("fail", "POST", "/_/fail", fail),
)
