"""Types of columns: what has to be known of them to write their values in one form."""

from __future__ import annotations

from enum import Enum, auto

from attrs import evolve, field, frozen


class Kind(Enum):
    """What has to be known of a column's type to write its values."""

    TIMESTAMP = auto()
    DATE = auto()
    MILLISECOND_DATE = auto()
    TIME = auto()
    DURATION = auto()
    INTERVAL = auto()
    UUID = auto()
    FIXED = auto()
    """Bytes of a fixed number: keys and digests."""
    TRUTH = auto()
    """A byte that is 0, or any other."""
    FLOAT32 = auto()
    FLOAT16 = auto()
    PERIOD = auto()
    """Those of pandas, as numbers of months, weeks …"""
    LIST = auto()
    STRUCT = auto()
    MAP = auto()
    OTHER = auto()
    """Whatever the library makes of it."""


@frozen(kw_only=True)
class ColumnType:
    """The type of a column."""

    kind: Kind = Kind.OTHER
    per_second: int = 1
    """How many units of a timestamp, a time or a duration are a second."""
    zone: str | None = None
    """The time zone of a timestamp."""
    form: str = ""
    """What Arrow calls it."""
    extension: str = ""
    detail: str = ""
    """What an extension says of itself."""
    names: tuple[str, ...] = ()
    """Those of a struct's parts."""
    parts: tuple[ColumnType, ...] = ()
    """Types of what a list, a struct or a map holds."""
    rewritten: bool = False
    """Whether it is another type that no library has Python objects for, until they are rewritten."""
    special: bool = field(init=False)
    """Whether the values, or their parts, have another form than their Python objects."""
    counted: bool = field(init=False)
    """Whether any are wanted as whole numbers of units: no library has a Python object for each of them."""

    def told(self, other: ColumnType) -> ColumnType:
        """The type with what else is said of it by the file, or the other library's table, that it was read from."""
        if other.kind in _BYTES:
            return evolve(self, kind=other.kind)
        if other.kind in _DATES and self.form == "tsm:":
            return evolve(self, kind=Kind.MILLISECOND_DATE)
        if other.kind is Kind.MAP and self.kind is Kind.LIST and len(self.parts[0].parts) == 2:  # noqa: PLR2004  # a name and a value
            return evolve(self, kind=Kind.MAP, parts=self.parts[0].parts).told(other)
        if other.kind is not self.kind or len(other.parts) != len(self.parts):
            return self
        return evolve(self, parts=tuple(map(ColumnType.told, self.parts, other.parts)))

    def __attrs_post_init__(self) -> None:
        special = self.kind not in _AS_THEY_ARE or any(part.special for part in self.parts)
        counted = self.rewritten or self.kind in COUNTED or any(part.counted for part in self.parts)
        object.__setattr__(self, "special", special)
        object.__setattr__(self, "counted", counted)


_BYTES = frozenset({Kind.UUID, Kind.FIXED, Kind.INTERVAL})
"""What may be no more than bytes to the library that has read it. In Parquet, that is so of intervals too."""
_DATES = frozenset({Kind.DATE, Kind.MILLISECOND_DATE})
_AS_THEY_ARE = frozenset({Kind.OTHER, Kind.LIST, Kind.STRUCT})
COUNTED = frozenset({Kind.TIMESTAMP, Kind.DATE, Kind.MILLISECOND_DATE, Kind.TIME, Kind.DURATION, Kind.INTERVAL})
"""What is wanted as whole numbers of units."""
