"""The libraries that read Arrow, and what each has to be told for the same values: times as numbers, runs unrolled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from itertools import chain
from types import ModuleType
from typing import Any, cast

from omnivery.errors import ConfigError
from omnivery.readers._arrow_schema import schema_types, stream_types
from omnivery.readers._column_batches import ROWS, ColumnBatches, Library, is_of_pandas, slices
from omnivery.readers._column_types import COUNTED, ColumnType, Kind
from omnivery.readers._column_values import own_values, plain


def by_arro3(frame: Any) -> ColumnBatches:
    """Read a frame by arro3."""
    arro3 = import_module("arro3.core")
    kinds, field = arro3.DataType, arro3.Field
    types, stream = stream_types(frame)
    reader = arro3.RecordBatchReader.from_stream(stream)

    @cache
    def stored(of: ColumnType) -> Any:
        if of.kind in COUNTED:
            return kinds.string() if of.kind is Kind.INTERVAL else kinds.int64()
        parts = [field(name, stored(part), nullable=True) for name, part in zip(of.names, of.parts, strict=False)]
        match of.kind:
            case Kind.LIST:
                return kinds.large_list(parts[0]) if of.form.endswith("L") else kinds.list(parts[0])
            case Kind.STRUCT:
                return kinds.struct(parts)
            case Kind.MAP:
                key, item = map(stored, of.parts)
                entry = field("key", key, nullable=False), field("value", item, nullable=True)
                return kinds.map(*entry, keys_sorted=False)
        name, _, detail = of.form.partition(":")
        if name == "d":
            precision, scale, *width = map(int, detail.split(","))
            return (kinds.decimal256 if width == [256] else kinds.decimal128)(precision, scale)
        return kinds.binary(int(detail)) if name == "w" else getattr(kinds, _OF_ARRO3[name])()

    def values(array: Any, of: ColumnType) -> list[Any]:
        return _values(array.cast(stored(of)) if of.counted else array)

    return ColumnBatches(
        names=list(reader.schema.names),
        types=list(types),
        batches=slices(reader),
        library=Library(values=values, one=lambda array, place: array.slice(place, 1)),
    )


_OF_ARRO3 = {
    "n": "null",
    "b": "bool",
    "c": "int8",
    "C": "uint8",
    "s": "int16",
    "S": "uint16",
    "i": "int32",
    "I": "uint32",
    "l": "int64",
    "L": "uint64",
    "e": "float16",
    "f": "float32",
    "g": "float64",
    "u": "string",
    "U": "large_string",
    "vu": "string_view",
    "z": "binary",
    "Z": "large_binary",
    "vz": "binary_view",
}
"""Arrow's types, as arro3 calls them."""


def by_pyarrow(frame: Any) -> ColumnBatches:
    """Read a frame by pyarrow."""
    pyarrow = import_module("pyarrow")
    reader = pyarrow.RecordBatchReader.from_stream(frame)
    return pyarrow_batches(pyarrow, reader.schema, slices(reader))


def pyarrow_batches(
    pyarrow: ModuleType,
    schema: Any,
    batches: Iterator[list[Any]],
    known: Mapping[str, ColumnType] | None = None,
) -> ColumnBatches:
    """Columns that pyarrow has read."""
    kinds = pyarrow.types

    def stored(kind: Any) -> Any:  # noqa: PLR0911  # one for each kind of type
        """What a type is rewritten to: its times as numbers, and what it extends."""
        if isinstance(kind, pyarrow.BaseExtensionType):
            return stored(kind.storage_type)
        if kinds.is_temporal(kind) and not kinds.is_interval(kind):
            return pyarrow.int32() if kind.bit_width == 32 else pyarrow.int64()  # noqa: PLR2004  # as wide as these
        if kinds.is_map(kind):
            return pyarrow.map_(stored(kind.key_type), stored(kind.item_type))
        if kinds.is_struct(kind):
            return pyarrow.struct([(part.name, stored(part.type)) for part in map(kind.field, range(kind.num_fields))])
        if not hasattr(kind, "value_type") or kinds.is_run_end_encoded(kind):
            return kind
        item = stored(kind.value_type)
        if kinds.is_dictionary(kind):
            return item
        return pyarrow.large_list(item) if str(kind).startswith("large") else pyarrow.list_(item)

    def values(array: Any, of: ColumnType) -> list[Any]:
        if kinds.is_run_end_encoded(array.type):
            return _unrolled(array, values(array.values, of))
        kind = stored(array.type) if of.special or of.counted else array.type
        return _values(array if kind == array.type else array.cast(kind))

    return ColumnBatches(
        names=list(schema.names),
        types=_told(schema.names, schema_types(schema), known),
        batches=batches,
        library=Library(values=values, one=lambda array, place: array.slice(place, 1)),
    )


def _unrolled(array: Any, values: list[Any]) -> list[Any]:
    """The values of runs, one for each row: pyarrow itself unrolls those of some types only."""
    found: list[Any] = []
    for value, end in zip(values, array.run_ends.to_pylist(), strict=True):
        found += [value] * (min(end - array.offset, len(array)) - len(found))
    return found


def _told(
    names: Sequence[str], types: Sequence[ColumnType], known: Mapping[str, ColumnType] | None
) -> list[ColumnType]:
    return [of.told((known or {}).get(name, of)) for name, of in zip(names, types, strict=True)]


def by_polars(frame: Any) -> ColumnBatches:
    """Read a frame by polars."""
    polars = import_module("polars")
    if isinstance(frame, polars.DataFrame):
        return polars_batches(polars, iter((frame,)))
    types, stream = stream_types(frame)
    if any(_is_narrow(of) for of in types):
        raise ValueError("polars reads other numbers from decimals of 32 and 64 bits")
    read = polars.DataFrame(stream)
    return polars_batches(polars, iter((read,)), dict(zip(read.columns, types, strict=True)))


def _is_narrow(of: ColumnType) -> bool:
    return (of.form.startswith("d:") and of.form.endswith((",32", ",64"))) or any(map(_is_narrow, of.parts))


def polars_batches(
    polars: ModuleType, frames: Iterator[Any], known: Mapping[str, ColumnType] | None = None
) -> ColumnBatches:
    """One or more frames of polars, all with the columns of the first.

    Args:
        polars: the library.
        frames: there is at least one.
        known: types of columns, if polars has read them from a file or another library.
    """
    numbers = {polars.Datetime: polars.Int64, polars.Duration: polars.Int64, polars.Time: polars.Int64}

    def stored(kind: Any) -> Any:
        match str(kind.base_type()):
            case "List":
                return polars.List(stored(kind.inner))
            case "Array":
                return polars.Array(stored(kind.inner), kind.size)
            case "Struct":
                return polars.Struct({field.name: stored(field.dtype) for field in kind.fields})
            case "Map":  # as a mapping of Python, it may hold one of two values only
                return polars.List(polars.Struct({"key": stored(kind.key), "value": stored(kind.value)}))
        return polars.Int32 if kind == polars.Date else numbers.get(kind.base_type(), kind)

    def values(series: Any, _: ColumnType) -> list[Any]:
        kind = stored(series.dtype)
        return _listed(series if kind == series.dtype else series.cast(kind))

    first = next(frames)
    return ColumnBatches(
        names=list(first.columns),
        types=_told(first.columns, schema_of_polars(first), known),
        batches=(part.get_columns() for frame in chain((first,), frames) for part in frame.iter_slices(ROWS)),
        library=Library(values=values, one=lambda series, place: series.slice(place, 1)),
    )


def schema_of_polars(frame: Any) -> Sequence[ColumnType]:
    """The types of a frame's columns. Of objects, polars hands out where they lie in memory."""
    types = iter(
        stream_types(frame.select([name for name in frame.columns if not _holds_objects(frame[name])]).clear())[0]
    )
    return [ColumnType() if _holds_objects(column) else next(types) for column in frame.get_columns()]


def _holds_objects(column: Any) -> bool:
    return "Object" in str(column.dtype)


def by_pandas(frame: Any, by_library: Callable[[Any], ColumnBatches]) -> ColumnBatches:
    """Read a frame of pandas with columns for which Arrow has no type, or one that is another in Arrow.

    Args:
        frame: the frame.
        by_library: reads those of its columns for which Arrow has one.
    """
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]

    def values(part: Any, _: ColumnType) -> list[Any]:
        try:
            found = by_library(part.to_frame("values"))
            if not is_of_pandas(found):
                of = found.types[0]
                return [value for (one,) in found.batches for value in own_values(found.library.read(one, of), of)]
        except ConfigError:
            pass
        return [plain(value) for value in part.array]

    return ColumnBatches(
        names=[str(name) for name in frame.columns],
        types=[ColumnType()] * len(columns),
        batches=([column.iloc[start : start + ROWS] for column in columns] for start in range(0, frame.shape[0], ROWS)),
        library=Library(values=values, one=lambda part, place: part.iloc[place : place + 1]),
    )


def _values(array: Any) -> list[Any]:
    return cast("list[Any]", array.to_pylist())


def _listed(series: Any) -> list[Any]:
    return cast("list[Any]", series.to_list())
