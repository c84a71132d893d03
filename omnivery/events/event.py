"""Bot events: one open or click each, in the three forms that the SDK takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from attrs import define

from omnivery.display.record import Record
from omnivery.errors import ConfigError
from omnivery.events.delivery import Delivery, interaction_of
from omnivery.events.interaction import Interaction

FIELDS = ("ip", "uas", "event_id", "action", "domain", "recipient_id", "message_id", "ts", "message_ts")
"""The API's own fields; every other key of an event is the user's own."""
FIELD_NAMES = frozenset(FIELDS)
"""The same as a set."""


Action: TypeAlias = Literal["open", "click"] | str
"""Kind of an interaction. The set is open."""


@define(kw_only=True)
class BotEvent(Record):
    """One interaction with an e-mail: a person or a machine opened it or clicked a link in it.

    `ip`, `uas` and `event_id` are required in bulk; a single `bots.check()` needs only `ip` or `uas`. Every further
    field makes the verdict more accurate.

    The class is mutable, unlike every other in the SDK: building events dominates the cost of a pipeline, and a frozen
    class takes twice as long to build.

    Source: https://docs.omnivery.com/api-ref/automations-api (Bot detection).
    """

    ip: str | None = None
    """IP address that the interaction came from, IPv4 or IPv6; not that of your own proxy."""
    uas: str | None = None
    """User-Agent header; `-`, as web servers log it, if the client sent none."""
    event_id: str | None = None
    """Your own key of this interaction, which the verdict contains; see `event_id_for`."""
    action: Action | None = None
    """`open` or `click`; the service's default is `click`."""
    domain: str | None = None
    """The *recipient's* e-mail domain, not hashed: the service looks up its MX. Not your sending domain."""
    recipient_id: str | None = None
    """Your key of the recipient, preferably a hash; see `recipient_id_for`."""
    message_id: str | None = None
    """Your key of the message; the same text as in the message's honeypot link."""
    ts: int | None = None
    """When the interaction happened, in whole unix seconds."""
    message_ts: int | None = None
    """When the message was delivered, in whole unix seconds."""
    attributes: Mapping[str, Any] | None = None
    """Your own keys and JSON values: they are sent beside the fields, and the verdict contains them."""

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
        get = fields.get
        # Written out: a webhook call has 500 of them, and a loop over the fields takes twice as long.
        return cls(
            ip=get("ip"),
            uas=get("uas"),
            event_id=get("event_id"),
            action=get("action"),
            domain=get("domain"),
            recipient_id=get("recipient_id"),
            message_id=get("message_id"),
            ts=get("ts"),
            message_ts=get("message_ts"),
            attributes=None
            if fields.keys() <= FIELD_NAMES
            else {name: value for name, value in fields.items() if name not in FIELD_NAMES},
        )

    def to_fields(self) -> dict[str, Any]:
        """Return the event in the API's own form: its fields and your attributes, flat in one mapping.

        Fields that are None are left out. Nothing is checked.
        """
        known = {name: value for name in FIELDS if (value := getattr(self, name)) is not None}
        return known | {name: value for name, value in (self.attributes or {}).items() if name not in known}

    def __repr__(self) -> str:
        names = (*FIELDS, "attributes")
        shown = (f"{name}={value!r}" for name in names if (value := getattr(self, name)) is not None)
        return f"BotEvent({', '.join(shown)})"


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
