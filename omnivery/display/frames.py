"""Tables as Arrow tables and data frames (extra `frames`; `to_polars` needs `polars`)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import NoneType
from typing import TYPE_CHECKING, Any

from omnivery.display.table import (
    KINDS,
    Scalar,
    Table,
    plain,
)
from omnivery.errors import ConfigError

if TYPE_CHECKING:
    import arro3.core
    import pandas as pd
    import polars as pl

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PLAIN = frozenset({NoneType, *KINDS})
_BEYOND = 2**63
"""The smallest whole number that does not fit into `int64`."""
_EXACT = 2**53
"""Largest number up to which a float represents every whole number."""


def arrow_table(table: Table) -> arro3.core.Table:
    """Return a table as an Arrow table.

    Columns are `bool`, `int64`, `float64`, text, or `timestamp` in microseconds, UTC (UTC is assumed for a time without
    a zone). Mappings, lists and models become JSON text. A column of several types, or with whole numbers beyond 64
    bits, becomes text. In text, `?` replaces characters that are not valid Unicode.

    Raises:
        ConfigError: arro3-core is not installed.
    """
    try:
        from arro3.core import Table as ArrowTable
    except ImportError as error:
        raise ConfigError("Arrow needs arro3-core: pip install 'omnivery[frames]'") from error
    values = zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns)
    arrays = [_array(column, table.kinds.get(name, str)) for name, column in zip(table.columns, values, strict=True)]
    return ArrowTable.from_arrays(arrays, names=table.columns)


def to_polars(table: Table) -> pl.DataFrame:
    """Return a table as a polars frame.

    Raises:
        ConfigError: polars or arro3-core is not installed.
    """
    try:
        import polars as pl
    except ImportError as error:
        raise ConfigError("to_polars() needs polars: pip install 'omnivery[polars]'") from error
    return pl.DataFrame(arrow_table(table))


def to_pandas(table: Table) -> pd.DataFrame:
    """Return a table as a pandas frame.

    Raises:
        ConfigError: pandas, pyarrow or arro3-core is not installed.
    """
    try:
        import_module("pandas")
        pyarrow: Any = import_module("pyarrow")  # pandas reads Arrow through it
    except ImportError as error:
        raise ConfigError(
            "to_pandas() needs pandas and pyarrow: pip install 'omnivery[frames]' 'pandas>=3' pyarrow"
        ) from error
    frame: pd.DataFrame = pyarrow.table(arrow_table(table)).to_pandas()
    return frame


def _array(column: Sequence[Any], declared: type) -> arro3.core.Array:
    from arro3.core import Array, DataType

    values = column if {*map(type, column)} <= _PLAIN else [plain(value) for value in column]
    kind = _kind(values, declared)
    if kind is datetime:
        microseconds = Array([_microseconds(value) for value in values], type=DataType.int64())
        return microseconds.cast(DataType.timestamp("us", tz="UTC"))
    if kind is str:
        large = DataType.large_utf8()  # a column of plain utf8 holds two gigabytes at most
        with suppress(TypeError, UnicodeEncodeError):
            return Array(values, type=large)
        return Array([_text(value) for value in values], type=large)
    types = {bool: DataType.bool, int: DataType.int64, float: DataType.float64}
    return Array(values, type=types[kind]())


def _kind(values: Sequence[Scalar], declared: type) -> type:
    """Return the narrowest type that holds all values of a column."""
    kinds = {datetime if issubclass(kind, datetime) else kind for kind in {*map(type, values)}} - {NoneType}
    if not kinds:
        return declared
    numbers = [value for value in values if type(value) is int]
    if kinds == {int} and declared is not float:
        return int if min(numbers) >= -_BEYOND and max(numbers) < _BEYOND else str
    if kinds <= {int, float}:
        return float if all(-_EXACT <= number <= _EXACT for number in numbers) else str
    return kinds.pop() if len(kinds) == 1 else str


def _microseconds(value: Any) -> int | None:
    if value is None:
        return None
    aware = value if value.utcoffset() is not None else value.replace(tzinfo=UTC)
    return int((aware - _EPOCH) // _MICROSECOND)


def _text(value: Scalar) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(value, str):
        return None if value is None else str(value)
    return value.encode("utf-8", "replace").decode()
