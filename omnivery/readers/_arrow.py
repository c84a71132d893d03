"""Data frames and other Arrow tables: every row is an event."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, Protocol

from attrs import evolve

from omnivery.errors import ConfigError
from omnivery.events.event import FIELDS, BotEvent, events_of_wires
from omnivery.readers._arrow_schema import stream_types
from omnivery.readers._column_batches import ColumnBatches, installed, is_of_pandas, is_read_once, library_errors
from omnivery.readers._column_libraries import by_arro3, by_pandas, by_polars, by_pyarrow
from omnivery.readers._column_members import Member, has_others, members_at, without
from omnivery.readers._column_types import ColumnType, Kind
from omnivery.readers._column_values import UNREADABLE, ip_values, own_values, seconds_values, text_values
from omnivery.readers._columns import Columns, derived_ids, own_columns


class ArrowStream(Protocol):
    """What frames and tables have in common: polars, pandas, pyarrow, duckdb and others."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a PyCapsule that holds an Arrow stream."""
        ...


def arrow(frame: ArrowStream, *, columns: Mapping[str, str] | None = None) -> Iterator[BotEvent]:
    """Read events from a data frame, or anything else with `__arrow_c_stream__`, row by row in bounded memory.

    Columns named like an event's fields become these, all others the event's own attributes. Times, dates (their
    midnight) and ISO 8601 text in `ts` and `message_ts` become whole unix seconds, in UTC unless they have a zone.
    Own values without a JSON form take one: times, dates, durations and intervals as in ISO 8601; decimals and UUIDs as
    text; bytes as the text they are in UTF-8, else in hexadecimal; what is null or no finite number as None; lists and
    structs by the same rules; what Arrow has no type for as pandas writes it. Columns without a name, such as the index
    of a pandas frame, are left out.

    Where there is no column for `event_id`, it is derived by `event_id_for()`, from `url` and the number of the row
    too, which counts from 1: the same frame yields the same ids. A value that does not fit its field is left as it is,
    for the run to reject with its index.

    Args:
        frame: a frame of polars or pandas (2.2 or later), a table of pyarrow, a relation of duckdb …
        columns: the frame's names of columns to the event's, where they differ: `{"client_ip": "ip"}`. Dots lead into
            structs and maps: `{"request.ip": "ip"}`.

    Raises:
        ConfigError: it has no `__arrow_c_stream__`, as a polars LazyFrame; no library that reads Arrow is installed,
            or none can read this; it has none of the columns `ip`, `uas` and `event_id`; or `columns` does not
            fit it.

    Source: https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
    """
    if not hasattr(type(frame), "__arrow_c_stream__"):
        raise ConfigError(f"frame: {type(frame).__name__} has no __arrow_c_stream__{_advice(frame)}")
    return events_of_rows(_opened(frame), columns)


def events_of_rows(table: ColumnBatches, columns: Mapping[str, str] | None) -> Iterator[BotEvent]:
    """Turn a table's rows into events.

    Raises:
        ConfigError: its columns are not those of events, or hold what only pandas knows, which is not installed.
    """
    for name, of in zip(table.names, table.types, strict=True):
        if of.kind is Kind.PERIOD and not installed("pandas"):
            raise ConfigError(
                f"the source's column {name!r} holds periods of pandas, which are numbers to all others: install "
                f"pandas, or write them as text, frame[{name!r}].astype(str)"
            )
    columns = own_columns(columns)
    members = members_at(columns or (), table.names, table.types)
    return _events(table, Columns.of([*table.names, *(member.path for member in members)], columns), members)


def _events(table: ColumnBatches, columns: Columns, members: Sequence[Member]) -> Iterator[BotEvent]:
    places = [(name, place) for name, place in zip(FIELDS, columns.fields, strict=True) if place != columns.count]
    taken = {place: [one for one in members if one.place == place] for place in columns.own.values()}
    own = {name: at for name, at in columns.own.items() if not taken[at] or has_others(table.types[at], taken[at])}
    position = 1
    for batch in table.guarded():

        def values(place: int) -> tuple[list[Any], ColumnType]:
            if place < len(table.names):
                return table.library.read(batch[place], table.types[place]), table.types[place]  # noqa: B023
            member = members[place - len(table.names)]
            return member.of(*values(member.place))

        found = {name: _FORMS.get(name, text_values)(*values(place)) for name, place in places}
        found |= {name: without(own_values(*values(place)), taken[place]) for name, place in own.items()}
        if not columns.has("event_id"):
            found["event_id"] = derived_ids(found, position)
        position += len(next(iter(found.values())))
        yield from events_of_wires(_wires(found))


def _wires(columns: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """The mappings that the events of rows consist of."""
    # A loop of Python would take half as long again.
    rows = map(dict, map(zip, repeat(tuple(columns)), zip(*columns.values(), strict=True)))
    gaps = [name for name in FIELDS if None in columns.get(name, ())]
    return (_without(row, gaps) for row in rows) if gaps else rows


def _without(wire: dict[str, Any], gaps: Sequence[str]) -> dict[str, Any]:
    for name in gaps:
        if wire[name] is None:
            del wire[name]
    return wire


_FORMS = {"ip": ip_values, "ts": seconds_values, "message_ts": seconds_values}
"""What makes the values of a field, if not `text_values`."""


_LIBRARIES: Sequence[tuple[str, Callable[[Any], ColumnBatches]]] = (
    ("arro3.core", by_arro3),
    ("pyarrow", by_pyarrow),
    ("polars", by_polars),
)


def _opened(frame: Any) -> ColumnBatches:
    libraries = {kind.__module__.partition(".")[0] for kind in type(frame).__mro__}
    # A Series has a stream, too, and is no table.
    if len(getattr(frame, "shape", ())) != 2:  # noqa: PLR2004
        return _by_library(frame)
    if "narwhals" in libraries:  # a frame of another library, in clothes of its own
        return _opened(frame.to_native())
    if "polars" in libraries and "Object" in map(str, frame.dtypes):
        # As an Arrow stream, polars hands out where its objects lie in memory.
        return by_polars(frame)
    if "pandas" not in libraries:
        return _by_library(frame)
    try:
        found = _by_library(frame)
    except ConfigError:
        return by_pandas(frame, _by_library)
    return by_pandas(frame, _by_library) if is_of_pandas(found) else found


def _by_library(frame: Any) -> ColumnBatches:
    """Open a frame by the first library that reads its first rows without a fault."""
    refusal: BaseException | None = None
    able: ColumnBatches | None = None
    again = not is_read_once(frame)
    for name, open_ in _LIBRARIES:
        if not installed(name):
            continue
        try:
            table = open_(frame)
            # Some refuse a type of column, and say so at the first batch or the first value only.
            start = next(table.batches, [])
        except library_errors() as error:
            refusal = refusal or error
            continue
        found = evolve(table, batches=chain([start] if start else [], table.batches))
        if not again or not any(map(_has_gap, map(table.library.read, start, table.types))):
            return found
        able = able or found
    if able is not None:
        return able
    if refusal is None:
        raise ConfigError("reading a frame needs a library that reads Arrow: pip install 'omnivery[frames]'")
    raise ConfigError(
        f"frame: {type(frame).__name__} cannot be read as a table{_odd_columns(frame)}; the cause, "
        f"{type(refusal).__name__}, says why"
    ) from refusal


def _has_gap(values: list[Any]) -> bool:
    return any(value is UNREADABLE for value in values)


def _odd_columns(frame: Any) -> str:
    """Which columns no library reads, and their types, where the frame can be asked for each by itself."""
    names = list(getattr(frame, "column_names", ()))
    odd = [place for place, name in enumerate(names) if len(names) > 1 and not _opens(frame.select([name]))]
    if not odd or len(odd) == len(names):
        return ""
    types, _ = stream_types(frame)
    return ": no library that is installed reads " + ", ".join(
        f"{names[place]!r} ({types[place].form})" for place in odd
    )


def _opens(frame: Any) -> bool:
    try:
        _by_library(frame)
    except ConfigError:
        return False
    return True


def is_lazy(frame: object) -> bool:
    """Whether a frame is a query that holds no rows yet."""
    return not isinstance(frame, Iterable | AsyncIterable) and hasattr(type(frame), "collect")


def _advice(frame: object) -> str:
    if is_lazy(frame):
        return ": it is a query and holds no rows yet; give what its .collect() returns"
    return "; frames of polars and of pandas from 2.2 on have it, as have tables of pyarrow and relations of duckdb"
