"""Delivery events as they arrive at the webhook: what became of one message on its way to one recipient.

The webhook must be set to the format `mailgun`, in the service's console or by a message's `X-OV-Callback-Format`
header. Where Omnivery and Mailgun spell a field differently, both are read into one. No field is required: what is
missing, null or of another type than documented is None or empty, and what came in its place stands in `extra`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from omnivery.codec import parse_datetime
from omnivery.transport.http import Headers
from omnivery.webhooks.delivery_parts import (
    ClientInfo,
    DeliveryStatus,
    Envelope,
    Geolocation,
    read_client,
    read_envelope,
    read_place,
    read_status,
)
from omnivery.webhooks.fields import Fields

if TYPE_CHECKING:
    from omnivery.webhooks.signature import Signature

WRAPPERS = ("event-data", "event_data")
"""Names under which a call holds the event; the second was seen in an older client of the service."""


@frozen(kw_only=True)
class DeliveryEvent:
    """One event in the life of one message to one recipient.

    A part that an event does not have, such as the `delivery_status` of an open, is there all the same, with None in
    every field: so `event.delivery_status.text` needs no question before it.

    Source: https://docs.omnivery.com/api-ref/automations-api (Webhooks, sample); where that is silent, Mailgun's
    event structure, https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure/.
    """

    event: str | None = None
    """What happened: `accepted`, `delivered`, `failed`, `rejected`, `opened`, `clicked`, `unsubscribed`, `complained`,
    or a word that is newer than this list."""
    id: str | None = None
    """The event's own id: opaque, and good for nothing but knowing it again."""
    timestamp: float | None = None
    """When it happened, in unix seconds; `occurred_at` has it as a datetime."""
    recipient: str | None = field(default=None, repr=False)
    """Whom the message was for."""
    recipient_domain: str | None = None
    """The recipient's e-mail domain."""
    severity: str | None = None
    """Of a failed event: `permanent` or `temporary`."""
    reason: str | None = None
    """Of a failed event: why, in one word, such as `bounce` or `suppress-bounce`."""
    tags: tuple[str, ...] = ()
    """The message's tags."""
    user_variables: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """The message's own variables (`v:…`), nested as they were sent."""
    message_id: str | None = None
    """The message's id, mostly without angle brackets and domain: compare it by `same_message`."""
    message_headers: Mapping[str, str] = field(factory=Headers, repr=False)
    """The message's header fields, custom ones included, looked up without regard to case."""
    message_size: int | None = None
    """The message's size in bytes."""
    envelope: Envelope = field(factory=Envelope)
    """How the message was handed over."""
    delivery_status: DeliveryStatus = field(factory=DeliveryStatus)
    """What the receiving server answered: on delivered and failed events."""
    client_info: ClientInfo = field(factory=ClientInfo)
    """The recipient's program: on opened and clicked events."""
    geolocation: Geolocation = field(factory=Geolocation)
    """The recipient's place: on opened and clicked events."""
    ip: str | None = field(default=None, repr=False)
    """Where an open or a click came from."""
    url: str | None = field(default=None, repr=False)
    """The link of a clicked event; it may well identify the recipient."""
    flags: Mapping[str, Any] = field(factory=dict[str, Any])
    """Mailgun's flags, such as `is-test-mode`."""
    campaigns: tuple[Any, ...] = field(default=(), repr=False)
    """Mailgun's campaigns, as they came."""
    reject: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Of a rejected event: Mailgun's `reason` and `description`, as they came."""
    complaint: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Of a complained event, as it came: undocumented."""
    unsubscribe: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Of an unsubscribed event, as it came: undocumented."""
    storage: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Where Mailgun keeps the message, as it came."""
    token: str = field(default="", repr=False)
    """The call's own token: equal tokens mean that the very same call came again. Empty only in samples."""
    signed_at: int | None = None
    """When the service signed the call, in unix seconds. None only in samples."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields that the SDK does not know, or that were of another type."""

    @property
    def occurred_at(self) -> datetime | None:
        """When it happened, in UTC."""
        return parse_datetime(self.timestamp)

    @property
    def country(self) -> str | None:
        """Two-letter code of the country that an open or click came from, whichever vendor's spelling it had."""
        return self.geolocation.country

    @property
    def suspected_bot(self) -> bool | None:
        """Whether a machine opened or clicked; None where the event does not say, which is not False."""
        return self.client_info.suspected_bot


def bare_message_id(text: str) -> str:
    """A message id in the one form that can be compared and stored: no angle brackets, no domain, lower case.

    Sending returns `<id@domain>`, while webhooks bring the `id` alone.
    """
    return text.strip().strip("<>").partition("@")[0].lower()


def same_message(queued_id: str | None, event: DeliveryEvent) -> bool:
    """Say whether an event is about the message that was queued under this id.

    Args:
        queued_id: the `id` that `send` returned. None, the id of an answer without one, is no message's.
        event: the event; one without a message id is about no message that could be named.
    """
    wanted = bare_message_id(queued_id or "")
    return bool(wanted) and wanted == bare_message_id(event.message_id or "")


def is_known(payload: Mapping[str, Any]) -> bool:
    """Say whether a payload carries a delivery event."""
    return any(isinstance(payload.get(name), Mapping) for name in WRAPPERS)


def read(payload: Mapping[str, Any], signature: Signature | None = None) -> DeliveryEvent:
    """Read a delivery event, known as such, whose signature has been checked. That of a sample is not."""
    data = Fields(next(payload[name] for name in WRAPPERS if isinstance(payload.get(name), Mapping)))
    message = data.part("message")
    fields = message.part("headers")
    headers = Headers([(name, text) for name in tuple(fields.rest) if (text := fields.text(name)) is not None])
    return DeliveryEvent(
        event=data.text("event"),
        id=data.text("id"),
        timestamp=data.number("timestamp"),
        recipient=data.text("recipient"),
        recipient_domain=data.text("recipient-domain"),
        severity=data.text("severity"),
        reason=data.text("reason"),
        tags=data.texts("tags"),
        user_variables=data.mapping("user-variables"),
        message_id=headers.get("message-id"),
        message_headers=headers,
        message_size=message.whole("size"),
        envelope=read_envelope(data.part("envelope")),
        delivery_status=read_status(data.part("delivery-status")),
        client_info=read_client(data.part("client-info")),
        geolocation=read_place(data.part("geolocation")),
        ip=data.text("ip"),
        url=data.text("url"),
        flags=data.mapping("flags"),
        campaigns=data.items("campaigns"),
        reject=data.mapping("reject"),
        complaint=data.mapping("complaint"),
        unsubscribe=data.mapping("unsubscribe"),
        storage=data.mapping("storage"),
        token=signature.token if signature else "",
        signed_at=int(signature.timestamp) if signature else None,
        extra=data.left(message=message.left(headers=fields.rest)),
    )
