"""Faults in force: those by chance, which are switches, and those that the next requests will meet."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.fault import Fault
from omnivery.emulator.fault_spec import KINDS, FaultSpec
from omnivery.emulator.page.counts import counts
from omnivery.emulator.page.sections import FAULTS
from omnivery.emulator.page.template import render
from omnivery.emulator.state import State


def show(_request: Request, state: State) -> Response:
    """Show all faults, and forms to change them."""
    spec = state.faults.spec
    return render(
        "faults.html",
        FAULTS,
        counts=counts(state),
        spec=str(spec),
        switches=[*_on(spec), *_off(spec)],
        pending=[
            {"where": where, "times": times, "meaning": meaning(fault)} for where, fault, times in state.faults.pending
        ],
        routes=sorted(state.faults.names),
    )


def _on(spec: FaultSpec) -> list[dict[str, Any]]:
    """The parts in force, each with the specification that is left without it."""
    rest = [FaultSpec(parts=(*spec.parts[:at], *spec.parts[at + 1 :]), seed=spec.seed) for at in range(len(spec.parts))]
    return [
        {"text": str(part), "meaning": part.meaning, "next": str(left), "on": True}
        for part, left in zip(spec.parts, rest, strict=True)
    ]


def _off(spec: FaultSpec) -> list[dict[str, Any]]:
    """Examples of the other kinds, each with the specification that it would make."""
    used = {part.name for part in spec.parts}
    others = [f"{kind.name}={kind.example}" for kind in KINDS if kind.name not in used]
    return [
        {
            "text": text,
            "meaning": FaultSpec.parse(text).parts[0].meaning,
            "next": f"{spec},{text}" if spec else text,
            "on": False,
        }
        for text in others
    ]


def meaning(fault: Fault) -> str:
    """Return what a request with that fault meets, in words that follow `the request`."""
    said: list[str] = []
    if fault.delay:
        said.append(f"waits {fault.delay:g} s")
    if fault.after:
        said.append("is not carried out" if fault.after == "received" else "is carried out")
    if fault.cuts:
        said.append("its connection is cut")
    elif not fault.only_slow:
        said.append(f"gets {500 if fault.status is None else fault.status}{_with(fault)}")
    return ", and ".join(said)


def _with(fault: Fault) -> str:
    retry_after = "" if fault.retry_after is None else f", with Retry-After: {fault.retry_after}"
    return retry_after if fault.body is None else f"{retry_after}, with a body of its own"
