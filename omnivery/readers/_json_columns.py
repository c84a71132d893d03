"""Which members of JSON objects are an event's fields, where they have other names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from attrs import define

from omnivery import codec
from omnivery.errors import ConfigError
from omnivery.events.event import FIELD_NAMES, FIELDS, BotEvent, EventLine, UnreadableLine
from omnivery.events.ip_address import client_address
from omnivery.events.json_path import take_at
from omnivery.events.validation import fault_of
from omnivery.readers._column_values import text
from omnivery.readers._columns import NO_IP, NO_TIME, check_field, derived_id, in_any_case
from omnivery.readers._json_documents import NOT_AN_OBJECT
from omnivery.readers._json_repair import repaired
from omnivery.readers._times import unix_time


@define
class JsonColumns:
    """Makes events of JSON objects by the paths of their fields.

    Raises:
        ConfigError: a path leads to a field that an event does not have, or two lead to one.
    """

    columns: Mapping[str, str]

    def __attrs_post_init__(self) -> None:
        for path, field in self.columns.items():
            check_field(field)
            if not path:
                raise ConfigError("columns: a path must not be empty")
        twice = [field for field in FIELDS if list(self.columns.values()).count(field) > 1]
        if twice:
            raise ConfigError(f"columns: two paths lead to the event's {twice[0]!r}")

    def event(self, data: bytes, line: int, position: int | None = None) -> BotEvent | UnreadableLine:
        """Return the event of an object, or why there is none.

        Args:
            data: the object.
            line: the number of its line.
            position: what tells it from equal ones, if the number of its line does not.
        """
        try:
            own = _parsed(data)
        except (ValueError, RecursionError):
            try:
                own = _parsed(repaired(data))
            except (ValueError, RecursionError):
                return UnreadableLine(line=line, reason="not JSON")
        if not isinstance(own, dict):
            return UnreadableLine(line=line, reason=NOT_AN_OBJECT)
        fields: dict[str, Any] = {field: _single(take_at(own, path)) for path, field in self.columns.items()}
        own = dict(zip(in_any_case([*own]), own.values(), strict=True))
        for field in FIELD_NAMES.intersection(own):
            if fields.get(field) is not None:
                return UnreadableLine(line=line, reason=f"two members of the object are the event's {field}")
            fields[field] = _single(own.pop(field))
        if fault := _convert(fields):
            return UnreadableLine(line=line, reason=fault)
        event = BotEvent(**fields, attributes=own or None)
        if "event_id" not in fields:
            event.event_id = derived_id(event, line if position is None else position)
        return event


def _parsed(data: bytes) -> Any:
    found = codec.loads(data)
    # orjson reads whole numbers beyond 64 bits as floats: an id would be another one.
    return json.loads(data) if _LONG_NUMBER.search(data) else found


_LONG_NUMBER = re.compile(rb"\d{19}")


def _single(value: Any) -> Any:
    """A value without what is around it: a header is a list of its values in some logs, and MongoDB names types.

    https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/
    """
    while isinstance(value, list | dict) and len(value) == 1:
        if isinstance(value, dict) and not _TYPES.issuperset(value):
            break
        value = value[0] if isinstance(value, list) else next(iter(value.values()))
    return value


_TYPES = frozenset({"$date", "$oid", "$uuid", "$numberInt", "$numberLong", "$numberDouble", "$numberDecimal"})


def _convert(fields: dict[str, Any]) -> str | None:
    """Give each field the form in which it is sent; say why that cannot be."""
    for name, value in fields.items():
        if value is None:
            continue
        if name in {"ts", "message_ts"}:
            fields[name] = unix_time(value)
            if fields[name] is None:
                return NO_TIME
        else:
            fields[name] = text(value)
    ip = fields.get("ip")
    if isinstance(ip, str):
        fields["ip"] = client_address(ip)
        if fields["ip"] is None:
            return NO_IP
    return None


_OWN_NAMES = JsonColumns({})


def in_own_names(found: EventLine, position: int | None = None) -> BotEvent | EventLine:
    """Return an object in the API's own names as it is; or its event, if its values have to be converted to be sent.

    Args:
        found: the object.
        position: what tells it from equal ones, if the number of its line does not.
    """
    fields = codec.loads_or_none(found.data)
    if not isinstance(fields, dict) or _is_as_sent(fields):
        return found
    event = _OWN_NAMES.event(found.data, found.line, position)
    return event if isinstance(event, BotEvent) and fault_of(event) is None else found


def _is_as_sent(fields: Mapping[str, Any]) -> bool:
    """Whether nothing has to be converted. Milliseconds are a whole number, too, but of another time."""
    return fault_of(fields) is None and all(
        fields.get(name) is None or unix_time(fields[name]) == fields[name] for name in ("ts", "message_ts")
    )
