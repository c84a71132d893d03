"""Bot events with their verdicts: counts, a chart over time, the busiest agents and networks, and the newest rows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from omnivery.codec import dumps
from omnivery.emulator.page import snippets
from omnivery.emulator.page.chart import SPANS, Chart, chart, span_for
from omnivery.emulator.page.counts import counts
from omnivery.emulator.page.listing import listing, url_with
from omnivery.emulator.page.missing import missing
from omnivery.emulator.page.sections import DELIVERIES, EVENTS, MESSAGES
from omnivery.emulator.page.template import render
from omnivery.emulator.records.bot_event_query import BotEventQuery, VerdictWord
from omnivery.emulator.records.bot_events import BotEventRecord
from omnivery.emulator.records.deliveries import DeliveryQuery
from omnivery.emulator.records.messages import MessageQuery
from omnivery.emulator.records.window import Window
from omnivery.emulator.state import State

SAMPLE = 2_000
"""Number of the newest events that agents and networks are counted in."""
PATIENCE = 0.2
"""Seconds for which batches are read to find events that match; a link goes on from there."""
BUSIEST = 8
"""Number of agents and of networks that are shown."""
IPV6 = 6
NETWORKS = {4: 24, IPV6: 48}
"""Bits of a network, by IP version."""
VERDICTS: tuple[tuple[VerdictWord, str], ...] = (("bot", "Bots"), ("human", "Humans"), ("none", "No verdict"))


@frozen(kw_only=True)
class Group:
    """Events with something in common."""

    name: str
    value: str
    """What the filter takes for it; empty if there is no filter for it."""
    events: int
    bots: int


def show_list(request: Request, state: State) -> Response:
    """Show counts, chart, groups, and the events that match."""
    query = _query(request)
    records = state.store.bot_events
    # To count what matches a filter would be to read every event.
    total = records.count() if query == BotEventQuery() else None
    found = listing(request, lambda window: records.find(query, window, seconds=PATIENCE), total=total, noun="events")
    sample = records.find(window=Window(limit=SAMPLE)).records
    return render(
        "events.html",
        EVENTS,
        counts=counts(state),
        found=found,
        rows=[_row(record) for record in found.records],
        query=query,
        filters=_filters(request, query),
        groups=(("By agent", "agent", _by_agent(sample)), ("By network", "ip", _by_network(sample))),
        sample=len(sample),
        snippets=snippets.snippets(request, state),
        **timeline(request, state),
    )


def show_one(request: Request, state: State) -> Response:
    """Show one event, its verdict, and where the verdict went."""
    number = request.path_params["id"]
    record = state.store.bot_events.get(int(number)) if number.isdecimal() and len(number) < 19 else None  # noqa: PLR2004
    if record is None:
        return missing(EVENTS, state, "event")
    deliveries = state.store.deliveries.find(DeliveryQuery(batch_id=record.batch_id), Window(limit=1)).records
    message_id = str(record.event.get("message_id") or "")
    messages = state.store.messages.find(MessageQuery(message_id=message_id), Window(limit=1)).records
    return render(
        "event.html",
        EVENTS,
        counts=counts(state),
        row=_row(record),
        fields=[(name, _text(value)) for name, value in record.event.items()],
        batch_id=record.batch_id,
        single=record.single,
        delivery=f"{DELIVERIES.path}/{deliveries[0].id}" if deliveries else None,
        message=f"{MESSAGES.path}/{messages[0].id}" if message_id and messages else None,
    )


def timeline(request: Request, state: State) -> dict[str, Any]:
    """Return the chart, the spans that can be chosen, and the totals."""
    now = time.time()
    chosen = request.query_params.get("span", "")
    rows = state.store.bot_events.numbers(0)
    span = SPANS.get(chosen) or span_for(now - rows[0][0] if rows else 0)
    seconds = [row for row in rows if row[0] >= now - span]
    drawn: Chart = chart(
        ((at, bots, humans, size - bots - humans) for at, size, bots, humans in seconds), span=span, now=now
    )
    totals = [sum(column) for column in zip(*seconds, strict=True)][1:] if seconds else [0, 0, 0]
    recent = sum(size for at, size, _, _ in seconds if now - 5 <= at < now)
    return {
        "chart": drawn,
        "spans": [
            {"name": name, "on": value == span, "url": url_with(request, span=name)} for name, value in SPANS.items()
        ],
        "span": next(name for name, value in SPANS.items() if value == span),
        "totals": {"events": totals[0], "bots": totals[1], "humans": totals[2]},
        "rate": recent / 5,
    }


def _query(request: Request) -> BotEventQuery:
    given = {name: value.strip() or None for name, value in request.query_params.items()}
    verdict = given.get("verdict")
    return BotEventQuery(
        text=given.get("q"),
        ip=given.get("ip"),
        agent=given.get("agent"),
        verdict=next((word for word, _ in VERDICTS if word == verdict), None),
        batch_id=given.get("batch"),
        message_id=given.get("message_id"),
    )


def _filters(request: Request, query: BotEventQuery) -> dict[str, Any]:
    """Verdicts to choose from, and the other filters in force with the URL that removes each."""
    others = {"agent": query.agent, "ip": query.ip, "batch": query.batch_id, "message_id": query.message_id}
    return {
        "verdicts": [
            {
                "title": title,
                "on": query.verdict == word,
                "url": url_with(request, verdict=None if query.verdict == word else word, before=None, after=None),
            }
            for word, title in VERDICTS
        ],
        "others": [
            {"name": name, "value": value, "url": url_with(request, **{name: None})}
            for name, value in others.items()
            if value
        ],
    }


def _row(record: BotEventRecord) -> dict[str, Any]:
    event = record.event
    names = ("action", "ip", "uas", "domain", "recipient_id", "event_id")
    return {
        "id": record.id,
        "url": f"{EVENTS.path}/{record.id}",
        "at": datetime.fromtimestamp(record.at, UTC),
        "verdict": {True: "bot", False: "human", None: "no verdict"}[record.is_bot],
        "tone": {True: "warn", False: "good", None: "plain"}[record.is_bot],
        **{name: _text(event.get(name)) for name in names},
    }


def _by_agent(sample: Iterable[BotEventRecord]) -> list[Group]:
    agents = ((_text(record.event.get("uas")), record.is_bot) for record in sample)
    return _groups(((agent, agent), is_bot) for agent, is_bot in agents)


def _by_network(sample: Iterable[BotEventRecord]) -> list[Group]:
    return _groups((_network(_text(record.event.get("ip"))), record.is_bot) for record in sample)


def _groups(items: Iterable[tuple[tuple[str, str], bool | None]]) -> list[Group]:
    events, bots = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for key, is_bot in items:
        events[key] += 1
        bots[key] += bool(is_bot)
    return [
        Group(name=name, value=value, events=count, bots=bots[name, value])
        for (name, value), count in events.most_common(BUSIEST)
    ]


@lru_cache(maxsize=10_000)
def _network(ip: str) -> tuple[str, str]:
    """Return the network of an address, and what all its addresses begin with; an empty text if there is nothing."""
    try:
        address = ip_address(ip)
    except ValueError:
        return ip, ip
    network = ip_network((address, NETWORKS[address.version]), strict=False)
    first = str(network.network_address)
    if address.version == IPV6:
        # 2001:db8::/48 has no beginning of its own: its zeros are left out.
        groups = first.removesuffix("::").split(":")
        return str(network), f"{':'.join(groups)}:" if len(groups) == 3 and all(groups) else ""  # noqa: PLR2004  # 48 bits
    return str(network), f"{first.rpartition('.')[0]}."


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else dumps(value).decode("utf-8", "replace")
