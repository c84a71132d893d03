"""Faults in force: those by chance, which are switches, and those that the next requests will meet."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.fault_spec import KINDS, FaultSpec
from omnivery.emulator.faults import Fault
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
        parts_in_force=[_part(spec, index) for index in range(len(spec.parts))],
        kinds=[
            {"example": f"{kind.name}={kind.example}", "meaning": kind.meaning(kind.example, "429 Too Many Requests")}
            for kind in KINDS
        ],
        pending=[
            {"where": where, "times": times, "meaning": meaning(fault)} for where, fault, times in state.faults.pending
        ],
        routes=sorted(state.faults.names),
    )


def _part(spec: FaultSpec, index: int) -> dict[str, str]:
    """A part of the specification, and the specification without it."""
    part = spec.parts[index]
    rest = FaultSpec(parts=(*spec.parts[:index], *spec.parts[index + 1 :]), seed=spec.seed)
    return {"text": str(part), "meaning": part.meaning, "rest": str(rest)}


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
