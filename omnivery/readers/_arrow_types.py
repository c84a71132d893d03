"""The types of Arrow's arrays, and what reads the values of each in the form in which they are sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

from attrs import evolve, field, frozen

from omnivery.readers import _arrow_leaves as leaves
from omnivery.readers import _arrow_levels as levels
from omnivery.readers._arrow_memory import ArrowError, Read, Schema, children, metadata
from omnivery.readers._column_values import bytes_text


@frozen(kw_only=True)
class Known:
    """What a file says of a column, and of its parts, that the library which has read it does not hand on."""

    uuid: bool = False
    fixed: bool = False
    """These are bytes of a fixed number."""
    map: bool = False
    date: bool = False
    parts: Sequence[Known] = ()


@frozen(kw_only=True)
class ArrowType:
    """A type, as an array has it."""

    name: str
    format: str
    extension: bytes = b""
    parts: Sequence[ArrowType] = ()
    values: ArrowType | None = None
    """Those of a dictionary."""
    known: Known = field(factory=Known)

    @classmethod
    def of(cls, schema: Schema) -> ArrowType:
        """Copy a schema, which may be released then."""
        return cls(
            name=(schema.name or b"").decode(errors="replace"),
            format=schema.format.decode(),
            extension=metadata(schema).get(b"ARROW:extension:name", b""),
            parts=[cls.of(child) for child in children(schema)],
            values=cls.of(schema.dictionary.contents) if schema.dictionary else None,
        )

    def extensions(self) -> frozenset[bytes]:
        """Names of its own extension and of those inside."""
        inside = [*self.parts, *([self.values] if self.values else [])]
        return frozenset({self.extension}).union(*(part.extensions() for part in inside))

    def told(self, known: Known) -> ArrowType:
        """The type with what a file says of it."""
        parts = [part.told(more) for part, more in zip(self.parts, known.parts, strict=False)]
        return evolve(self, known=known, parts=[*parts, *self.parts[len(parts) :]])


def reads(kind: ArrowType, *, times: bool = False) -> Read:  # noqa: PLR0911  # one for each kind of type
    """Return what reads the values of a type, in their JSON form.

    Args:
        kind: the type.
        times: timestamps and dates are wanted in whole unix seconds, None for those without end.

    Raises:
        ArrowError: the type is not known, or has two parts of one name.
    """
    if kind.values is not None:
        return partial(levels.taken, kind.format, reads(kind.values, times=times))
    if kind.format == "+r":
        return partial(levels.runs, kind.parts[0].format, reads(kind.parts[1], times=times))
    if kind.format.startswith("+"):
        return _nested(kind, [reads(part) for part in kind.parts])
    if kind.extension == b"arrow.bool8":
        return partial(leaves.counted, "b", bool)
    if kind.format in leaves.BYTES:
        return partial(leaves.BYTES[kind.format], _say_bytes(kind))
    if kind.format.startswith("w:"):
        return partial(leaves.fixed, int(kind.format[2:]), _uuid if _is_uuid(kind) else bytes.hex)
    return leaves.leaf("tdm" if kind.known.date and kind.format == "tsm:" else kind.format, times=times)


def _is_uuid(kind: ArrowType) -> bool:
    return kind.known.uuid or kind.extension == b"arrow.uuid"


def _say_bytes(kind: ArrowType) -> Callable[[bytes], str]:
    return _uuid if _is_uuid(kind) else bytes.hex if kind.known.fixed else bytes_text


def _uuid(value: bytes) -> str:
    return str(UUID(bytes=value)) if len(value) == 16 else value.hex()  # noqa: PLR2004  # as long as one is


def _nested(kind: ArrowType, parts: Sequence[Read]) -> Read:
    name, _, detail = kind.format.partition(":")
    if name == "+m" or (kind.known.map and name in {"+l", "+L"} and len(kind.parts[0].parts) == 2):  # noqa: PLR2004
        key, value = map(reads, kind.parts[0].parts)
        return partial(levels.maps, "q" if name == "+L" else "i", partial(levels.pairs, key, value))
    match name:
        case "+l" | "+L":
            return partial(levels.lists, "q" if name == "+L" else "i", parts[0])
        case "+vl" | "+vL":
            return partial(levels.list_views, "q" if name == "+vL" else "i", parts[0])
        case "+w":
            return partial(levels.fixed_lists, int(detail), parts[0])
        case "+s":
            names = [part.name for part in kind.parts]
            if len(set(names)) < len(names):
                raise ArrowError("a struct has two members of one name")
            return partial(levels.structs, names, parts)
        case "+ud" | "+us":
            return partial(levels.unions, name == "+ud", dict(zip(map(int, detail.split(",")), parts, strict=True)))
    raise ArrowError(f"values of the Arrow type {kind.format!r} cannot be read")
