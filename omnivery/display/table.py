"""Results as tables, for notebooks, polars, pandas and every library that reads Arrow.

A tabular class returns its `Table`. HTML (`omnivery.display.html`) and Arrow (`omnivery.display.frames`) follow from
the table, and are imported at first use.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from enum import Enum
from operator import index
from types import NoneType
from typing import Any, TypeAlias, get_args

from attrs import field, fields, frozen, has, resolve_types

from omnivery.errors import ConfigError, OmniveryError

Scalar: TypeAlias = bool | int | float | str | datetime | None
"""A cell's value after `plain`."""
KINDS = (bool, int, float, str, datetime)
"""The types that a column may have."""

SHOWN = 20
"""Rows that a notebook shows; the rest is only counted."""
_PROBLEMS_SHOWN = 8


@frozen(kw_only=True)
class Table:
    """A title, named columns, and rows.

    Raises:
        ConfigError: two columns have the same name, a name contains a NUL, or a row has not one value for each column.
    """

    title: str
    """What the rows are, in a few words."""
    columns: tuple[str, ...]
    """Names of the columns, without repetitions."""
    rows: Sequence[Sequence[Any]] = field(repr=False)
    """The rows, each with a value for every column."""
    kinds: Mapping[str, type] = field(factory=dict[str, type], repr=False)
    """Types (`bool`, `int`, `float`, `str`, `datetime`) of columns without a value that shows the type; `str` if left
    out."""
    bars: tuple[str, ...] = ()
    """Columns of numbers that get a bar in HTML."""
    caption: str = field(default="", repr=False)
    """Further text behind the title, in HTML only."""
    total: int | None = None
    """Number of all rows, if `rows` has only the first of them."""

    def __attrs_post_init__(self) -> None:
        if len(set(self.columns)) < len(self.columns):
            raise ConfigError("columns: a name is repeated, and a data frame needs different names")
        if any("\0" in name for name in self.columns):
            # Arrow's names end at a NUL, and arrow-rs aborts the whole process.
            raise ConfigError("columns: a name contains a NUL")
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ConfigError("rows: each row needs one value for every column")


def table_of(
    title: str,
    entries: Iterable[Mapping[Any, Any]],
    *,
    columns: Iterable[str] = (),
    kinds: Mapping[str, type] | None = None,
    bars: Iterable[str] = (),
    caption: str = "",
    total: int | None = None,
) -> Table:
    """Return a table of mappings, with a column for each key, in the order of their first occurrence.

    Args:
        title: what the rows are.
        entries: the rows.
        columns: names of the first columns, which are there even if no mapping has them.
        kinds: as in `Table`.
        bars: as in `Table`.
        caption: as in `Table`.
        total: as in `Table`.
    """
    found = list(entries)
    names = dict.fromkeys([*columns, *(name for entry in found for name in entry)])
    return Table(
        title=title,
        columns=_labels(names),
        rows=[tuple(map(entry.get, names)) for entry in found],
        kinds=kinds or {},
        bars=tuple(bars),
        caption=caption,
        total=total,
    )


def table_of_models(items: Sequence[Any], *, caption: str = "", total: int | None = None) -> Table:
    """Return a table of attrs models, with a column for each field, and `extra` if one of them has any.

    Args:
        items: the models. A mapping has a column for each key; any other object is one value.
        caption: as in `Table`.
        total: as in `Table`.
    """
    models = dict.fromkeys(type(item) for item in items if has(type(item)))
    return table_of(
        ", ".join(model.__name__ for model in models) or "Items",
        [_fields_of(item) for item in items],
        kinds={name: kind for model in models for name, kind in _kinds_of(model).items()},
        caption=caption,
        total=total,
    )


def table_of_record(item: Any) -> Table:
    """Return a table of one attrs model, with a row for each field that has a value, except those its repr hides."""
    return Table(title=type(item).__name__, columns=("field", "value"), rows=list(_rows_of(item)), kinds={"field": str})


def _rows_of(item: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for each in fields(type(item)):
        value = getattr(item, each.name)
        name = f"{path}{each.name.strip('_')}"
        # `extra` is hidden in the repr only because it may be long.
        if value is None or (each.repr is False and each.name != "extra"):
            continue
        if has(type(value)):
            yield from _rows_of(value, f"{name}.")
        elif isinstance(value, tuple | list) and any(has(type(one)) for one in value):
            for place, one in enumerate(value):
                yield f"{name}[{place}]", "  ".join(str(plain(cell)) for _, cell in _rows_of(one))
        elif not isinstance(value, Mapping | tuple | list | str) or value:
            yield name, value


def account_table(
    title: str,
    counts: Mapping[str, int],
    problems: Mapping[str, Sequence[tuple[str, int, str]]],
    *,
    unlisted: int = 0,
    stopped_by: BaseException | None = None,
    caption: str = "",
) -> Table:
    """Return the overview of a run: its counts, with bars, and then the first problems.

    Args:
        title: what the run was.
        counts: number of items read, and of items with each outcome.
        problems: kinds of problems; for each problem its place, the number of items that it concerns, and its reason.
        unlisted: number of further problems that the report does not keep.
        stopped_by: the error that ended the run before its source did.
        caption: as in `Table`.
    """
    rows: list[tuple[str, int, str | None]] = [(name, count, None) for name, count in counts.items()]
    for kind, found in problems.items():
        rows += [(f"{kind}: {where}", count, why) for where, count, why in found[:_PROBLEMS_SHOWN]]
    stopped = f"stopped by {words_of(stopped_by)}" if stopped_by is not None else ""
    return Table(
        title=title,
        columns=("outcome", "count", "why"),
        rows=rows,
        bars=("count",),
        caption="; ".join(part for part in (caption, stopped) if part),
        total=len(counts) + sum(map(len, problems.values())) + unlisted,
    )


def words_of(error: BaseException | str) -> str:
    """Return an error's text without keys and e-mail addresses: a server's message may quote the request."""
    from omnivery._logging import redact

    if isinstance(error, BaseException) and not isinstance(error, OmniveryError):
        return type(error).__name__  # the text of a foreign exception may contain anything
    return redact(str(error))


def plain(value: object) -> Scalar:
    """Return a value as a cell's value. Mappings, lists and models become JSON text."""
    if isinstance(value, bool | datetime | None):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, Mapping | list | tuple | set | frozenset) or has(type(value)):
        return _json(value)
    with suppress(TypeError):
        return index(value)  # type: ignore[arg-type]  # numpy's integers; for its arrays it raises TypeError
    return str(value)


def _json(value: object) -> str:
    from omnivery import codec

    try:
        return codec.dumps(value, default=_jsonable).decode()
    except (TypeError, ValueError):
        return f"({type(value).__name__} without a JSON form)"


def _jsonable(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return list(value)
    return _fields_of(value) if has(type(value)) else plain(value)


def _labels(names: Iterable[object]) -> tuple[str, ...]:
    """Return names as text, made different from one another."""
    labels: dict[str, None] = {}
    for name in names:
        label = str(name).encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
        while label in labels:
            label += "'"
        labels[label] = None
    return tuple(labels)


def _fields_of(item: object) -> Mapping[Any, Any]:
    if isinstance(item, Mapping):
        return item
    model: Any = type(item)
    if not has(model):
        return {"value": item}
    found = {each.name: getattr(item, each.name) for each in fields(model)}
    if not found.get("extra"):
        found.pop("extra", None)
    return found


def _kinds_of(model: type[Any]) -> dict[str, type]:
    try:
        own = fields(resolve_types(model))
    except NameError:  # a type that only type checkers import
        return {}
    arms = {each.name: {*(get_args(each.type) or (each.type,))} - {NoneType} for each in own}
    return {name: kind for name, (kind, *others) in arms.items() if not others and kind in KINDS}
