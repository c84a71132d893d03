"""Statistics: how many messages were accepted, delivered, opened …, counted by hour, day or month."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from omnivery import codec
from omnivery.display.record import Record
from omnivery.display.table import Table, table_of
from omnivery.display.tabular import Tabular
from omnivery.errors import ConfigError, DecodeError
from omnivery.mail.vocabulary import Resolution, StatsEvent
from omnivery.mailgun.config import MailgunConfig
from omnivery.mailgun.operations import any_key
from omnivery.transport.config import one_or_several
from omnivery.transport.operation import SAFE, ResponseParser, json_body
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.config import CallOptions
    from omnivery.transport.http import Response


@frozen(kw_only=True)
class StatsBucket(Record):
    """Counts of one hour, day or month."""

    time: datetime | None = None
    """Start of the period."""
    counters: Mapping[str, Any] = field(factory=dict[str, Any])
    """Whole numbers in nested mappings, as received: by event, then by kind, as in
    `{"failed": {"permanent": {"bounce": 4, "total": 4}}}`. The set of keys is open; `count` looks one up."""

    def count(self, *path: str) -> int:
        """Look up one counter: `bucket.count("failed", "permanent", "bounce")`.

        A path that ends at a group, such as `bucket.count("delivered")`, gives the group's own `total`.

        Returns:
            The number; 0 if there is none. Nothing is summed: for a group without a `total`, read `counters`.
        """
        found: Any = self.counters
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping):
            found = found.get("total")
        return found if type(found) is int else 0


@frozen(kw_only=True)
class StatsTotal(Tabular):
    """Counts over a period.

    As a table it has a row for each bucket, and a column for each counter, named by its path: `delivered.total`.
    """

    start: datetime | None = None
    """Start of the period."""
    end: datetime | None = None
    """End of the period."""
    resolution: Resolution | None = None
    """`hour`, `day` or `month`."""
    stats: tuple[StatsBucket, ...] = ()
    """One bucket for each hour, day or month."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""

    def _table(self) -> Table:
        rows = [{"time": bucket.time, **dict(_flat(bucket.counters))} for bucket in self.stats]
        counters = dict.fromkeys(name for row in rows for name in row if name != "time")
        ends = [f"{moment:%Y-%m-%d %H:%M}" for moment in (self.start, self.end) if moment is not None]
        return table_of(
            f"Stats by {self.resolution}" if self.resolution else "Stats",
            rows,
            columns=("time", *counters),
            kinds={"time": datetime},
            bars=counters,
            caption=" to ".join(ends),
        )


def _flat(counters: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in counters.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _read_total(response: Response) -> StatsTotal:
    body = json_body(response)
    if not isinstance(body, dict):
        raise DecodeError(f"the response ({response.status}) is not an object")
    buckets = body.get("stats")
    if isinstance(buckets, list):
        body = {**body, "stats": [_with_counters(bucket) for bucket in buckets]}
    return codec.structure(body, StatsTotal)


def _with_counters(bucket: object) -> object:
    # The counters are beside the time, one key for each requested event: the set of keys is open.
    if not isinstance(bucket, dict):
        return bucket
    counters = {name: value for name, value in bucket.items() if name != "time"}
    return {"time": bucket.get("time"), "counters": counters}


# https://docs.omnivery.com/api-ref/mailgun-api (Stats)
TOTAL = any_key(
    "stats.total",
    "GET",
    "/{domain}/stats/total",
    returns=ResponseParser(name="StatsTotal", read=_read_total),
    safety=SAFE,
)


class AsyncStats(AsyncResource[MailgunConfig]):
    """Counts of events of a domain's messages."""

    async def total(
        self,
        event: StatsEvent | Iterable[StatsEvent],
        *,
        start: datetime | int | str | None = None,
        end: datetime | int | str | None = None,
        resolution: Resolution | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> StatsTotal:
        """Count events.

        Args:
            event: one or several of `accepted`, `delivered`, `failed`, `opened`, `clicked`, `unsubscribed`,
                `complained` and `stored`; the set is open.
            start: a `datetime` with a zone, unix seconds, or RFC 2822 text.
            end: as `start`.
            resolution: `hour`, `day` or `month`; the service's default is `day`. Mailgun keeps hours for two months and
                days for a year.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            ConfigError: no event is named, or a time has no time zone; nothing was sent.
        """
        events = one_or_several(event, argument="event")
        if not all(events) or not events:
            raise ConfigError("event: name at least one, such as 'delivered'. Nothing was sent.")
        query = [("event", name) for name in events]
        for name, moment in (("start", start), ("end", end)):
            if moment is not None:
                query.append((name, _moment(moment, argument=name)))
        if resolution is not None:
            query.append(("resolution", resolution))
        return await self._send(TOTAL, domain=domain, query=query, options=options)


def _moment(value: datetime | int | str, *, argument: str) -> str:
    if not isinstance(value, datetime):
        return str(value)
    if value.tzinfo is None:
        raise ConfigError(f"{argument}: the time needs a time zone, such as datetime.now(UTC). Nothing was sent.")
    return str(int(value.timestamp()))
