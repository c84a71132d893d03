"""Which columns of a table are an event's fields, and which are its own attributes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

from attrs import frozen

from omnivery.errors import ConfigError
from omnivery.events.event import FIELD_NAMES, FIELDS, BotEvent
from omnivery.events.ids import event_id_for, event_ids_for
from omnivery.transport.config import checked

KEYS = frozenset({"ip", "uas", "event_id"})
"""The fields of which a table must have at least one, to be one of events."""

NO_TIME = "a time is neither whole unix seconds nor in ISO 8601"
"""Why a row cannot be read whose time is none."""
NO_IP = "ip is not an IPv4 or IPv6 address"
"""Why a row cannot be read whose client is none."""


@frozen(kw_only=True)
class Columns:
    """Where in a row the fields of an event stand."""

    fields: tuple[int, ...]
    """The place of each of `FIELDS`, in their order; for one that the table does not have, the place past the last."""
    own: Mapping[str, int]
    """The user's own columns and their places."""
    count: int
    """How many columns there are."""

    @classmethod
    def of(cls, names: Sequence[str], renamed: Mapping[str, str] | None = None) -> Columns:
        """Find an event's fields among the names of a table's columns.

        Where the table's names are in capitals, as Snowflake and Oracle export them, so may be those of fields.
        Columns without a name are left out: they have none to travel under. Mostly they are the row numbers that
        pandas writes beside a frame.

        Args:
            names: the columns' names, in order.
            renamed: names of the table to fields of the event, for columns that are named otherwise.

        Raises:
            ConfigError: no column is `ip`, `uas` or `event_id`; two have one name; or `renamed` holds a column that
                is not there, or a field that an event does not have.
        """
        renamed = renamed or {}
        _check_renamed(names, renamed)
        called = in_any_case(names, renamed)
        if KEYS.isdisjoint(called):
            raise ConfigError(
                f"none of the source's columns is ip, uas or event_id; it has {_listed(names)}. "
                'Say which is which: columns={"client_ip": "ip"}'
            )
        places: dict[str, int] = {}
        for place, name in enumerate(called):
            if name in places:
                raise ConfigError(f"two columns of the source are the event's {name!r}: leave one out, or rename it")
            if name and not _UNNAMED.fullmatch(name):
                places[name] = place
        return cls(
            fields=tuple(places.get(field, len(names)) for field in FIELDS),
            own={name: place for name, place in places.items() if name not in FIELD_NAMES},
            count=len(names),
        )

    def has(self, field: str) -> bool:
        """Whether the table has one of an event's fields."""
        return self.fields[FIELDS.index(field)] < self.count


def own_columns(columns: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Return a copy of what a caller calls the columns, who may change his own later.

    Raises:
        ConfigError: it is no mapping, or no field of an event has one of these names.
    """
    if columns is None:
        return None
    checked(columns, Mapping, argument="columns", expected='a mapping such as {"client_ip": "ip"}')
    for name, field in columns.items():
        checked(name, str, argument="columns", expected="a text for each name")
        check_field(field)
    return dict(columns)


def check_field(name: str) -> None:
    """Check what a caller calls a column.

    Raises:
        ConfigError: no field of an event has this name.
    """
    if name not in FIELD_NAMES:
        raise ConfigError(f"columns: {name!r} is no field of an event; there are {', '.join(FIELDS)}")


def in_any_case(names: Sequence[str], renamed: Mapping[str, str] | None = None) -> list[str]:
    """Return what columns are called, with the names of an event's fields in lower case.

    That is done if at least two fields by which events are told are there in any case, since one may be a word by
    chance, and none is there as it is.
    """
    renamed = renamed or {}
    called = [renamed.get(name, name) for name in names]
    lowered = [name.lower() for name in called]
    if len(KEYS.intersection(lowered)) < _ENOUGH or not KEYS.isdisjoint(set(names) - renamed.keys()):
        return called
    return [
        small if small in FIELD_NAMES and lowered.count(small) == 1 else name
        for name, small in zip(called, lowered, strict=True)
    ]


_ENOUGH = 2


def names_event(names: Iterable[str]) -> bool:
    """Whether one of these names is a field by which events are told, or two of them are in another case."""
    return not KEYS.isdisjoint(in_any_case([*names]))


def derived_id(event: BotEvent, position: int) -> str:
    """The id of an event that came without one, by what it says and its place in the source."""
    url = (event.attributes or {}).get("url")
    return event_id_for(
        ip=event.ip,
        uas=event.uas,
        ts=event.ts,
        action=event.action,
        message_id=event.message_id,
        recipient_id=event.recipient_id,
        url=url if isinstance(url, str) else None,
        position=position,
    )


def derived_ids(columns: Mapping[str, Sequence[Any]], position: int) -> list[str]:
    """The same for rows, given their columns and the position of the first."""

    def column(name: str) -> Iterable[Any]:
        return columns.get(name, repeat(None))

    return event_ids_for(
        ips=column("ip"),
        uas=column("uas"),
        ts=column("ts"),
        actions=column("action"),
        message_ids=column("message_id"),
        recipient_ids=column("recipient_id"),
        urls=(url if isinstance(url, str) else None for url in column("url")),
        positions=range(position, position + len(next(iter(columns.values())))),
    )


# What pandas calls the row numbers of a frame that were given no name.
_UNNAMED = re.compile(r"__index_level_\d+__")
# What can only be a name. Where a header is missing, the first row holds addresses and user agents.
_NAME = re.compile(r"[^\W\d][\w .-]{0,31}")
_SHOWN = 30


def _check_renamed(names: Sequence[str], renamed: Mapping[str, str]) -> None:
    for column, field in renamed.items():
        check_field(field)
        if column not in names:
            raise ConfigError(f"columns: the source has no column {column!r}; it has {_listed(names)}")


def _listed(names: Sequence[str]) -> str:
    # Personal data stay out of exceptions, so the names are shown only if all of them are names.
    if not all(_NAME.fullmatch(name) for name in names if name):
        return f"{len(names)} columns, and their names do not look like names (is the header row missing?)"
    return ", ".join(name or "(no name)" for name in names[:_SHOWN]) + (" …" if names[_SHOWN:] else "")
