"""Bot events: one open or click each, in the three forms that the SDK takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, ClassVar, Generic, Literal, Self, TypeAlias, TypeVar, overload

from attrs import define, field

from omnivery.display.record import Record
from omnivery.errors import ConfigError
from omnivery.events.delivery import Delivery, interaction_of
from omnivery.events.interaction import Interaction

FIELDS = ("ip", "uas", "event_id", "action", "domain", "recipient_id", "message_id", "ts", "message_ts")
"""The API's own fields; every other key of an event is the user's own."""
FIELD_NAMES = frozenset(FIELDS)
"""The same as a set."""
EVENT_KINDS: Mapping[str, type] = {name: int if name in {"ts", "message_ts"} else str for name in FIELDS}
"""The type of each field's value."""

T = TypeVar("T")

Action: TypeAlias = Literal["open", "click"] | str
"""Kind of an interaction. The set is open."""
UNSENDABLE: Any = ...
"""Key of attributes that cannot be sent. It is no text, so no JSON is ever made of a mapping that has it."""
wire_of: Callable[[BotEvent], dict[Any, Any]] = attrgetter("_wire")
"""Returns the mapping that an event consists of: fields that are set, and own attributes, flat, as it is sent."""


class _Member(Generic[T]):
    """A field of an event: the member of this name in its mapping, or None."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, event: None, owner: type) -> Self: ...
    @overload
    def __get__(self, event: BotEvent, owner: type) -> T | None: ...
    def __get__(self, event: BotEvent | None, owner: type) -> Self | T | None:
        return self if event is None else wire_of(event).get(self._name)

    def __set__(self, event: BotEvent, value: T | None) -> None:
        wire = _wire_to_change(event)
        if value is None:
            wire.pop(self._name, None)
        else:
            wire[self._name] = value


class _ReadOnly(dict[str, Any]):
    """What is read of an event's attributes: a copy, which can do all that a dict can but be changed."""

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            "attributes are read as a copy: to change them, assign another mapping to the event's attributes"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


for _change in ("__setitem__", "__delitem__", "__ior__", "clear", "pop", "popitem", "setdefault", "update"):
    setattr(_ReadOnly, _change, _ReadOnly._refuse)  # pyright: ignore[reportPrivateUsage]


class _Attributes:
    """The members of an event that are no fields."""

    @overload
    def __get__(self, event: None, owner: type) -> Self: ...
    @overload
    def __get__(self, event: BotEvent, owner: type) -> Mapping[str, Any] | None: ...
    def __get__(self, event: BotEvent | None, owner: type) -> Self | Mapping[str, Any] | None:
        if event is None:
            return self
        wire = wire_of(event)
        if UNSENDABLE in wire:
            return wire[UNSENDABLE]  # type: ignore[no-any-return]  # anything that a caller passed
        own = _ReadOnly({name: value for name, value in wire.items() if name not in FIELD_NAMES})
        return own or None

    def __set__(self, event: BotEvent, value: Mapping[str, Any] | None) -> None:
        wire = _wire_to_change(event)
        for name in wire.keys() - FIELD_NAMES:
            del wire[name]
        if value is not None:
            _add(value, wire)


def _wire_to_change(event: BotEvent) -> dict[Any, Any]:
    try:
        return wire_of(event)
    except AttributeError:  # of a subclass whose __init__ is attrs' own, and sets field by field
        BotEvent.__setstate__(event, {})
        return wire_of(event)


def _add(attributes: Any, wire: dict[Any, Any]) -> None:
    """Add an event's own attributes to its fields. What cannot be sent with them stays apart, and has a fault."""
    try:
        own = attributes if type(attributes) is dict or not isinstance(attributes, Mapping) else dict(attributes)
    except Exception:  # noqa: BLE001  # a mapping of the caller's own may raise anything
        own = None
    if type(own) is dict and FIELD_NAMES.isdisjoint(own):
        wire |= own
    else:
        wire[UNSENDABLE] = attributes


_KINDS: dict[str, Any] = {**EVENT_KINDS, "action": Action, "attributes": Mapping[str, Any]}
_FIELDS: dict[str, Any] = {name: field(default=None, type=kind | None) for name, kind in _KINDS.items()}


def _unannotated(cls: type[T]) -> type[T]:
    """Have attrs take the fields' types from `_FIELDS`: their annotations say what reads and sets them."""
    cls.__annotations__ = {}
    return cls


# attrs is told of the fields for `attrs.evolve`, `fields` and `asdict`. Slots of its own would take 0.3 µs an event on
# the event loop, where the mapping would be made of them.
@define(these=_FIELDS, kw_only=True, init=False, slots=False, eq=False, repr=False)
@_unannotated
class BotEvent(Record):
    """One interaction with an e-mail: a person or a machine opened it or clicked a link in it.

    `ip`, `uas` and `event_id` are required in bulk; a single `bots.check()` needs only `ip` or `uas`. Every further
    field makes the verdict more accurate.

    The class is mutable, unlike every other in the SDK: building events dominates the cost of a pipeline, and a frozen
    class takes twice as long to build. Attributes are copied when they are set.

    Source: https://docs.omnivery.com/api-ref/automations-api (Bot detection).
    """

    __slots__ = ("__weakref__", "_wire")

    _wire: dict[Any, Any]
    """What `wire_of` returns."""

    ip: _Member[str] = _Member()
    """IP address that the interaction came from, IPv4 or IPv6; not that of your own proxy."""
    uas: _Member[str] = _Member()
    """User-Agent header; `-`, as web servers log it, if the client sent none."""
    event_id: _Member[str] = _Member()
    """Your own key of this interaction, which the verdict contains; see `event_id_for`."""
    action: _Member[Action] = _Member()
    """`open` or `click`; the service's default is `click`."""
    domain: _Member[str] = _Member()
    """The *recipient's* e-mail domain, not hashed: the service looks up its MX. Not your sending domain."""
    recipient_id: _Member[str] = _Member()
    """Your key of the recipient, preferably a hash; see `recipient_id_for`."""
    message_id: _Member[str] = _Member()
    """Your key of the message; the same text as in the message's honeypot link."""
    ts: _Member[int] = _Member()
    """When the interaction happened, in whole unix seconds."""
    message_ts: _Member[int] = _Member()
    """When the message was delivered, in whole unix seconds."""
    attributes: _Attributes = _Attributes()
    """Your own keys and JSON values: they are sent beside the fields, and the verdict contains them. To change them,
    assign a mapping; the one that is read is a copy, and cannot be changed."""

    def __init__(  # noqa: C901  # one for each field
        self,
        *,
        ip: str | None = None,
        uas: str | None = None,
        event_id: str | None = None,
        action: Action | None = None,
        domain: str | None = None,
        recipient_id: str | None = None,
        message_id: str | None = None,
        ts: int | None = None,
        message_ts: int | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        # Written out: building events dominates the cost of a pipeline, and a loop takes three times as long.
        wire: dict[Any, Any] = {}
        if ip is not None:
            wire["ip"] = ip
        if uas is not None:
            wire["uas"] = uas
        if event_id is not None:
            wire["event_id"] = event_id
        if action is not None:
            wire["action"] = action
        if domain is not None:
            wire["domain"] = domain
        if recipient_id is not None:
            wire["recipient_id"] = recipient_id
        if message_id is not None:
            wire["message_id"] = message_id
        if ts is not None:
            wire["ts"] = ts
        if message_ts is not None:
            wire["message_ts"] = message_ts
        if type(attributes) is dict and FIELD_NAMES.isdisjoint(attributes):
            wire |= attributes
        elif attributes is not None:
            _add(attributes, wire)
        self._wire = wire

    @classmethod
    def from_delivery(
        cls, event: Delivery, *, recipient_key: str | bytes | None = None, attributes: Sequence[str] = ()
    ) -> BotEvent:
        """Make a bot event of a delivery webhook's open or click.

        A webhook handler needs one statement:

            if event.event in {"opened", "clicked"}:
                await writer.put(BotEvent.from_delivery(event))

        `ip` and `message_id` are the delivery event's own, `ts` is its `timestamp`, `event_id` its `id`, `uas` the
        user agent of its `client_info`, and `domain` its `recipient_domain` or else the domain of its `recipient`. The
        e-mail address itself is not sent. Fields that the delivery event does not have are None. Without an `id`, the
        event id is derived by `event_id_for`.

        Args:
            event: a `webhooks.DeliveryEvent` whose `event` is `opened` or `clicked`.
            recipient_key: the key with which `recipient_id_for` makes `recipient_id`; without it, `recipient_id` is
                None.
            attributes: names of the message's own variables to send as attributes of the event; dots lead into nested
                objects. `url` is the link of a click.

        Raises:
            ConfigError: the event is neither an open nor a click; one of `attributes` is the name of an event's own
                field; or the key is empty.
        """
        return event_of(interaction_of(event), recipient_key=recipient_key, attributes=attributes)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> BotEvent:
        """Make an event of the API's own form: its fields and your attributes, flat in one mapping."""
        event = cls.__new__(cls)
        event._wire = wire = dict(fields)
        if _may_have_none(wire):
            event._wire = {name: value for name, value in wire.items() if value is not None or name not in FIELD_NAMES}
        return event

    def to_fields(self) -> dict[str, Any]:
        """Return the event in the API's own form: its fields and your attributes, flat in one mapping.

        Fields that are None are left out. Nothing is checked.
        """
        fields = self._wire.copy()
        apart = fields.pop(UNSENDABLE, None)
        return {**apart, **fields} if isinstance(apart, Mapping) else fields

    def __eq__(self, other: object) -> bool:
        return self._wire == wire_of(other) if type(other) is type(self) else NotImplemented

    __hash__: ClassVar[None]  # type: ignore[assignment]  # as of everything that is mutable

    def __getstate__(self) -> dict[Any, Any]:
        return self._wire.copy()

    def __setstate__(self, state: dict[Any, Any]) -> None:
        self._wire = state

    def __repr__(self) -> str:
        shown = {name: value for name in FIELDS if (value := self._wire.get(name)) is not None}
        if (own := self.attributes) is not None:
            shown["attributes"] = own
        return f"BotEvent({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


# For `typing.get_type_hints`, and so for what makes schemas and converters of classes.
BotEvent.__annotations__ = {name: kind | None for name, kind in _KINDS.items()}


def events_of_wires(wires: Iterable[dict[Any, Any]]) -> Iterator[BotEvent]:
    """Make events of the mappings that they consist of, none of whose fields is None; these are not copied."""
    new = BotEvent.__new__
    for wire in wires:
        event = new(BotEvent)
        event._wire = wire  # pyright: ignore[reportPrivateUsage]
        yield event


def _may_have_none(wire: dict[Any, Any]) -> bool:
    """Look at all values in one call of C; the values of some, such as numpy's arrays, can be compared with nothing."""
    try:
        return None in wire.values()
    except Exception:  # noqa: BLE001  # the value's own code
        return True


def event_of(
    interaction: Interaction, *, recipient_key: str | bytes | None = None, attributes: Sequence[str] = ()
) -> BotEvent:
    """Make a bot event of an interaction; see `BotEvent.from_delivery` for the arguments.

    Raises:
        ConfigError: one of `attributes` is the name of an event's own field, or the key is empty.
    """
    check_options(recipient_key, attributes)
    return BotEvent(**interaction.fields(recipient_key), attributes=interaction.chosen(attributes) or None)


def check_options(recipient_key: str | bytes | None, attributes: Sequence[str]) -> None:
    """Check the options of `event_of` before there is an interaction.

    Raises:
        ConfigError: as in `event_of`; or `attributes` is a text instead of a sequence of names.
    """
    if recipient_key is not None and not recipient_key:
        raise ConfigError("recipient_key: must not be empty: a hash without a key hides no e-mail address")
    if isinstance(attributes, str):
        raise ConfigError(f"attributes: expected a sequence of names, such as ({attributes!r},)")
    if taken := FIELD_NAMES.intersection(attributes):
        raise ConfigError(f"attributes: {min(taken)!r} is a field of the event itself")


@define(kw_only=True)
class EventLine:
    """One event as a line of NDJSON, with the bytes as they were read and the number of the line."""

    data: bytes
    """The event: one JSON object, without a line break."""
    line: int
    """The line's number in its source, from 1."""

    def __repr__(self) -> str:
        return f"EventLine(line={self.line}, bytes={len(self.data)})"


@define(kw_only=True)
class UnreadableLine:
    """A line of a source that is not a readable event. In a bulk run it counts as one rejected item."""

    line: int
    """The line's number in its source, from 1."""
    reason: str
    """Why it cannot be read. The text contains nothing of the line."""


EventLike: TypeAlias = BotEvent | Mapping[str, Any] | bytes | EventLine | UnreadableLine
"""One event of a bulk run: a `BotEvent`, a mapping in the API's own names, or a line of NDJSON."""
