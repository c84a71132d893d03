"""The lists of records that the control API returns, and waits for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anyio import to_thread
from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.control import shapes
from omnivery.emulator.control.parameters import WINDOW, check_names, filters_of, read_query, read_window
from omnivery.emulator.records.bot_event_query import BotEventQuery
from omnivery.emulator.records.changes import RecordKind
from omnivery.emulator.records.deliveries import DeliveryQuery
from omnivery.emulator.records.messages import MessageQuery
from omnivery.emulator.records.received import DeliveryEventQuery, VerdictQuery
from omnivery.emulator.records.requests import RequestQuery
from omnivery.emulator.records.window import Window
from omnivery.emulator.routes import Route, json_response
from omnivery.emulator.state import State
from omnivery.errors import ConfigError


@frozen(kw_only=True)
class RecordList:
    """One kind of records."""

    name: str
    """The last segment of its path."""
    kind: RecordKind
    """Its key in responses, and the attribute of the store."""
    query: type[Any]
    """Its filters."""
    shape: Callable[[Any], dict[str, Any]]
    """A record as JSON."""

    def records(self, state: State) -> Any:
        """Return the records."""
        return getattr(state.store, self.kind)

    def page(self, state: State, query: Any, window: Window) -> dict[str, Any]:
        """Return some records, oldest first, and whether there are more."""
        found = self.records(state).find(query, window)
        return {self.kind: [self.shape(record) for record in reversed(found.records)], "more": found.more}

    async def respond(self, request: Request, state: State) -> Response:
        """Respond with the records that the query of a request asks for."""
        values: Mapping[str, str] = request.query_params
        check_names(values, (*filters_of(self.query), *WINDOW))
        query, window = read_query(values, self.query), read_window(values)
        return json_response(await to_thread.run_sync(self.page, state, query, window))


LISTS = (
    RecordList(name="bot-events", kind="bot_events", query=BotEventQuery, shape=shapes.bot_event),
    RecordList(name="deliveries", kind="deliveries", query=DeliveryQuery, shape=shapes.delivery),
    RecordList(name="delivery-events", kind="delivery_events", query=DeliveryEventQuery, shape=shapes.delivery_event),
    RecordList(name="messages", kind="messages", query=MessageQuery, shape=shapes.summary),
    RecordList(name="requests", kind="requests", query=RequestQuery, shape=shapes.request),
    RecordList(name="verdicts", kind="verdicts", query=VerdictQuery, shape=shapes.verdict),
)
"""All kinds of records."""
ELSEWHERE = frozenset({"messages", "verdicts"})
"""Lists whose responses have more members."""
ROUTES = tuple(Route(each.kind, "GET", f"/_/{each.name}", each.respond) for each in LISTS if each.name not in ELSEWHERE)


def list_of(name: str) -> RecordList | None:
    """Return the list of that name; None if there is none."""
    return next((each for each in LISTS if each.name == name), None)


def query_of(kind: str, filters: Mapping[str, Any]) -> Any:
    """Return the query of a kind of records with these filters.

    Raises:
        ConfigError: there is no such kind, or it has no such filter.
    """
    chosen = next((each for each in LISTS if each.kind == kind), None)
    if chosen is None:
        raise ConfigError(f"there are no records of the kind {kind!r}, but of {', '.join(each.kind for each in LISTS)}")
    known = filters_of(chosen.query)
    if unknown := [name for name in filters if name not in known]:
        raise ConfigError(f"{kind} have no filter {unknown[0]!r}, but {', '.join(known)}")
    return chosen.query(**filters)
