"""Parquet: rows as typed columns, a group of them at a time."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from attrs import define, field

from omnivery import codec
from omnivery.cli.result_files import Kinds, Rows
from omnivery.errors import ConfigError

ROW_GROUP = 20_000
"""Rows that are held and written together."""
MOST_ATTRIBUTES = 1_000
"""Most attributes that get a column each; the rest is one column of JSON text. Names may be made up without end."""
_INT64 = range(-(2**63), 2**63)
_TIMES = range(-62_135_596_800, 253_402_300_800)
"""Unix seconds of the years 1 to 9999, which are those that every reader knows."""


def write_parquet(rows: Rows, kinds: Kinds, path: Path) -> None:
    """Write rows as Parquet.

    A column of `datetime` holds unix seconds in the rows, and is a timestamp in UTC. The column `attributes` holds
    mappings: each key is a column of its own, `attributes.KEY`, of the type that all of its values have, or else of
    JSON text.

    Raises:
        ConfigError: neither pyarrow nor polars is installed.
    """
    if find_spec("pyarrow") is not None:
        write = _write_by_pyarrow
    elif find_spec("polars") is not None:
        write = _write_by_polars
    else:
        raise ConfigError("writing Parquet needs polars or pyarrow: pip install 'omnivery[polars]'")
    # The types of all columns stand at a file's beginning, and are known with the last row alone.
    with tempfile.TemporaryFile(dir=path.parent) as spool:
        seen = AttributeTypes()
        for row in rows:
            moved = _without_strange_times(row, kinds)
            seen.enter(moved.get("attributes") or {})
            # Not as JSON, which would change numbers beyond 64 bits.
            pickle.dump(moved, spool)
        spool.seek(0)
        columns = {name: kind for name, kind in kinds.items() if name != "attributes"}
        columns |= {f"attributes.{name}": kind for name, kind in seen.kinds().items()}
        columns |= {"attributes": dict} if seen.overflow else {}
        write(_groups(spool, columns, seen), columns, path)


@define
class AttributeTypes:
    """The names of attributes, and the types of their values."""

    overflow: bool = field(init=False, default=False)
    """Whether there were more names than get a column."""
    _types: dict[str, set[type]] = field(init=False, factory=dict[str, "set[type]"])

    def enter(self, attributes: Mapping[str, Any]) -> None:
        """Note the attributes of one row."""
        for name, value in attributes.items():
            if name not in self._types and len(self._types) >= MOST_ATTRIBUTES:
                self.overflow = True
                continue
            kinds = self._types.setdefault(name, set())
            if value is not None:
                # JSON knows numbers of any size, and a column does not.
                kinds.add(type(value) if type(value) is not int or value in _INT64 else dict)

    def __contains__(self, name: str) -> bool:
        return name in self._types

    def kinds(self) -> dict[str, type]:
        """Return the type of each column: `dict` stands for JSON text."""
        return {name: self._kind(found) for name, found in sorted(self._types.items())}

    @staticmethod
    def _kind(found: set[type]) -> type:
        if len(found) == 1:
            [only] = found
            return only if only in {bool, int, float, str} else dict
        return float if found == {int, float} else dict if found else str


def _without_strange_times(row: dict[str, Any], kinds: Kinds) -> dict[str, Any]:
    """Move a time that no timestamp can hold to the attributes, so that it is not lost."""
    strange = {
        name: row[name]
        for name, kind in kinds.items()
        if kind is datetime and row[name] is not None and int(row[name]) not in _TIMES
    }
    if not strange:
        return row
    return {**row, **dict.fromkeys(strange), "attributes": {**(row.get("attributes") or {}), **strange}}


def _groups(spool: BinaryIO, kinds: Kinds, seen: AttributeTypes) -> Iterator[dict[str, list[Any]]]:
    """The rows by the group, turned into columns; one group without rows where there are none."""
    rows = _spooled(spool)
    group = [_flat(row, seen) for row in islice(rows, ROW_GROUP)]
    while True:
        yield {name: [_value(row.get(name), kind) for row in group] for name, kind in kinds.items()}
        if not (group := [_flat(row, seen) for row in islice(rows, ROW_GROUP)]):
            return


def _spooled(spool: BinaryIO) -> Iterator[dict[str, Any]]:
    with suppress(EOFError):
        while True:
            yield pickle.load(spool)  # noqa: S301  # it was written above, to a file that nobody else can open


def _flat(row: dict[str, Any], seen: AttributeTypes) -> dict[str, Any]:
    attributes: dict[str, Any] = row.pop("attributes", None) or {}
    row |= {f"attributes.{name}": value for name, value in attributes.items() if name in seen}
    if seen.overflow:
        row["attributes"] = {name: value for name, value in attributes.items() if name not in seen} or None
    return row


def _value(value: Any, kind: type) -> Any:
    if value is None:
        return None
    if kind is datetime:
        return round(value * 1_000_000)
    if kind is dict:
        return codec.dumps(value).decode()
    return float(value) if kind is float else value


def _write_by_pyarrow(groups: Iterable[dict[str, list[Any]]], kinds: Kinds, path: Path) -> None:
    arrow: Any = import_module("pyarrow")
    types = {
        str: arrow.string(),
        dict: arrow.string(),
        bool: arrow.bool_(),
        int: arrow.int64(),
        float: arrow.float64(),
        datetime: arrow.timestamp("us", tz="UTC"),
    }
    schema = arrow.schema([(name, types[kind]) for name, kind in kinds.items()])
    with import_module("pyarrow.parquet").ParquetWriter(path, schema, compression="zstd") as writer:
        for columns in groups:
            writer.write_table(arrow.table(columns, schema=schema))


def _write_by_polars(groups: Iterable[dict[str, list[Any]]], kinds: Kinds, path: Path) -> None:
    polars: Any = import_module("polars")
    types = {
        str: polars.String,
        dict: polars.String,
        bool: polars.Boolean,
        int: polars.Int64,
        float: polars.Float64,
        datetime: polars.Int64,
    }
    schema = {name: types[kind] for name, kind in kinds.items()}
    times = [polars.col(name).cast(polars.Datetime("us", "UTC")) for name, kind in kinds.items() if kind is datetime]
    # Polars has no writer to which one group is given after the other. So each is a file, and all are then made one.
    with tempfile.TemporaryDirectory(prefix=f"{path.name}.", dir=path.parent) as folder:
        parts: list[Path] = []
        for columns in groups:
            parts.append(Path(folder, f"{len(parts)}.parquet"))
            polars.DataFrame(columns, schema=schema).with_columns(times).write_parquet(parts[-1])
        polars.scan_parquet(parts, glob=False).sink_parquet(path, row_group_size=ROW_GROUP)
