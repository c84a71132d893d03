"""Pages of a list, in both styles: offsets (`limit`, `skip`) and cursors (`page`, `address`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import urlencode

from attrs import frozen
from starlette.requests import Request

from omnivery.emulator.forms import window
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.state import State

Entry: TypeAlias = Mapping[str, Any]
STEPS = ("first", "next", "previous", "last")
"""Values of `page`."""


def page(
    request: Request, state: State, entries: Sequence[tuple[str, Entry]], show: Callable[[Entry], Entry] = dict
) -> dict[str, Any]:
    """Return the requested page of a list, with the absolute URLs of its neighbours.

    A request with `page` gets cursors, a request with `skip` gets offsets, and a request with neither gets what
    `Emulator(paging=…)` says. All four neighbours always have a URL: the pages beyond both ends are empty.

    Args:
        request: the request, whose query selects the page.
        state: the state of the emulator.
        entries: keys and records, sorted by key.
        show: returns a record as it is in the response.

    Raises:
        Refusal: the query is invalid.
    """
    query = request.query_params
    by_cursor = "page" in query or (state.settings.paging == "cursor" and "skip" not in query)
    cut = _by_cursor(request, entries) if by_cursor else _by_offset(request, entries)
    links = {name: str(request.url.replace(query=urlencode(options))) for name, options in cut.neighbours.items()}
    return {"items": [show(record) for _, record in cut.entries], "paging": links}


@frozen(kw_only=True)
class _Cut:
    entries: Sequence[tuple[str, Entry]]
    neighbours: Mapping[str, Mapping[str, Any]]


def _by_offset(request: Request, entries: Sequence[tuple[str, Entry]]) -> _Cut:
    limit, skip = window(request)
    starts = {
        "first": 0,
        "next": skip + limit,
        "previous": max(0, skip - limit),
        "last": max(0, len(entries) - 1) // limit * limit,
    }
    neighbours = {name: {"limit": limit, "skip": start} for name, start in starts.items()}
    return _Cut(entries=entries[skip : skip + limit], neighbours=neighbours)


def _by_cursor(request: Request, entries: Sequence[tuple[str, Entry]]) -> _Cut:
    limit, _ = window(request)
    step, pivot = request.query_params.get("page", "first"), request.query_params.get("address", "").lower()
    if step not in STEPS:
        raise Refusal(f"page must be one of {', '.join(STEPS)}")
    if step in {"first", "next"}:
        # The pivot may be deleted: the page continues after the place where it was.
        shown = [entry for entry in entries if step == "first" or entry[0] > pivot][:limit]
    else:
        shown = [entry for entry in entries if step == "last" or entry[0] < pivot][-limit:]
    steps = {"first": {"page": "first"}, "last": {"page": "last"}, **_beside(shown, step, pivot)}
    neighbours: dict[str, dict[str, Any]] = {name: {**options, "limit": limit} for name, options in steps.items()}
    return _Cut(entries=shown, neighbours=neighbours)


def _beside(shown: Sequence[tuple[str, Entry]], step: str, pivot: str) -> dict[str, dict[str, str]]:
    if shown:
        return {
            "next": {"page": "next", "address": shown[-1][0]},
            "previous": {"page": "previous", "address": shown[0][0]},
        }
    # Beyond either end is an empty page. From there, the opposite direction leads back to that end.
    if step in {"first", "next"}:
        return {"next": {"page": "next", "address": pivot}, "previous": {"page": "last"}}
    return {"next": {"page": "first"}, "previous": {"page": "previous", "address": pivot}}
