"""Delivery events: what happened to one message on its way to one recipient.

The webhook must be set to the format `mailgun`, in the service's console or by a message's `X-OV-Callback-Format`
header. Where Omnivery and Mailgun spell a field differently, both spellings are read. No field is required: one that is
missing, null or of another type than documented is None or empty, and a value of another type is in `extra`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import field, frozen

from omnivery._logging import mask_url
from omnivery.codec import parse_datetime
from omnivery.display.record import Record
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
"""Keys under which a call holds the event; an older client of the service reads the second."""


def _masked(url: str | None) -> str:
    return repr(url and mask_url(url))


DeliveryEventName: TypeAlias = (
    Literal["accepted", "delivered", "failed", "rejected", "opened", "clicked", "unsubscribed", "complained"] | str
)
"""What happened to a message. The set is open."""
FailureReason: TypeAlias = (
    Literal["bounce", "espblock", "generic", "suppress-bounce", "suppress-complaint", "suppress-unsubscribe", "old"]
    | str
)
"""Reason of a failed event, in Mailgun's words. The set is open."""


@frozen(kw_only=True)
class DeliveryEvent(Record):
    """One event in the life of one message to one recipient.

    A part that an event does not have, such as the `delivery_status` of an open, is present with None in every field,
    so that `event.delivery_status.text` always works.

    Source: https://docs.omnivery.com/api-ref/automations-api (Webhooks, sample); where that is silent, Mailgun's
    event structure, https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure/.
    """

    event: DeliveryEventName | None = None
    """What happened: `accepted`, `delivered`, `failed`, `rejected`, `opened`, `clicked`, `unsubscribed`, `complained`,
    or a newer one."""
    id: str | None = None
    """The event's own id: opaque; identifies a repeated event."""
    timestamp: float | None = None
    """When it happened, in unix seconds; `occurred_at` has it as a datetime."""
    recipient: str | None = None
    """The recipient's e-mail address."""
    recipient_domain: str | None = None
    """The recipient's e-mail domain."""
    severity: Literal["permanent", "temporary"] | str | None = None
    """Of a failed event: `permanent` or `temporary`."""
    reason: FailureReason | None = None
    """Of a failed event: the reason, such as `bounce` or `suppress-bounce`."""
    tags: tuple[str, ...] = ()
    """The message's tags."""
    user_variables: Mapping[str, Any] = field(factory=dict[str, Any])
    """The message's own variables (`v:…`), nested as they were sent."""
    message_id: str | None = None
    """The message's id, usually without angle brackets and domain: compare it by `same_message`."""
    message_headers: Mapping[str, str] = field(factory=Headers, repr=False)
    """The message's header fields, custom ones included; lookup is case-insensitive."""
    message_size: int | None = None
    """The message's size in bytes."""
    envelope: Envelope = field(factory=Envelope)
    """The SMTP envelope."""
    delivery_status: DeliveryStatus = field(factory=DeliveryStatus)
    """The receiving server's reply: on delivered and failed events."""
    client_info: ClientInfo = field(factory=ClientInfo)
    """The recipient's program: on opened and clicked events."""
    geolocation: Geolocation = field(factory=Geolocation)
    """The recipient's location: on opened and clicked events."""
    ip: str | None = None
    """IP address that an open or a click came from."""
    url: str | None = field(default=None, repr=_masked)
    """The link of a clicked event; it may identify the recipient."""
    flags: Mapping[str, Any] = field(factory=dict[str, Any])
    """Mailgun's flags, such as `is-test-mode`."""
    campaigns: tuple[Any, ...] = field(default=(), repr=False)
    """Mailgun's campaigns, as received."""
    reject: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Of a rejected event: Mailgun's `reason` and `description`, as received."""
    complaint: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Of a complained event, as received: undocumented."""
    unsubscribe: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Of an unsubscribed event, as received: undocumented."""
    storage: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Where Mailgun keeps the message, as received."""
    token: str = field(default="", repr=False)
    """Identifies the call: equal tokens mean a repeated call. Of an unsigned call, a digest of its body; empty in
    samples."""
    signed_at: int | None = None
    """When the service signed the call, in unix seconds. None in samples and unsigned calls."""
    verified: bool = field(default=False, eq=False)
    """Whether a signature, or your own verifier, proved the sender. Left out of comparisons."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields that the SDK does not know, or that were of another type."""

    @property
    def occurred_at(self) -> datetime | None:
        """When it happened, in UTC."""
        return parse_datetime(self.timestamp)

    @property
    def country(self) -> str | None:
        """Two-letter code of the country that an open or click came from, in either vendor's spelling."""
        return self.geolocation.country

    @property
    def suspected_bot(self) -> bool | None:
        """Whether a bot opened or clicked; None if the event does not say, which is not False."""
        return self.client_info.suspected_bot


def bare_message_id(text: str) -> str:
    """Return a message id in a form to compare and store: no angle brackets, no domain, lower case.

    Sending returns `<id@domain>`, while webhooks hold the `id` alone.
    """
    return text.strip().strip("<>").partition("@")[0].lower()


def same_message(queued_id: str | None, event: DeliveryEvent) -> bool:
    """Return whether an event is about the message that was queued under this id.

    Args:
        queued_id: the `id` that `send` returned. None, for a response without an id, matches no event.
        event: the event; without a message id it matches no queued message.
    """
    wanted = bare_message_id(queued_id or "")
    return bool(wanted) and wanted == bare_message_id(event.message_id or "")


def is_known(payload: Mapping[str, Any]) -> bool:
    """Return whether a payload carries a delivery event."""
    return any(isinstance(payload.get(name), Mapping) for name in WRAPPERS)


def read(payload: Mapping[str, Any], signature: Signature | None = None, *, verified: bool = False) -> DeliveryEvent:
    """Read a payload for which `is_known` is true. The signature of a sample is of no use, and is left out."""
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
        signed_at=signature.signed_at if signature else None,
        verified=verified,
        extra=data.left(message=message.left(headers=fields.rest)),
    )
