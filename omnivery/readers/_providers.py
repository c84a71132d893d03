"""Webhook payloads of e-mail providers: the opens and clicks in them, and where each field of these is found.

Nothing in a payload is required: what is missing, or of another type than documented, is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from attrs import frozen

from omnivery.events.interaction import Interaction
from omnivery.events.json_path import value_at
from omnivery.readers._ses_envelopes import ses_events
from omnivery.readers._times import unix_time

ProviderName: TypeAlias = Literal["mailgun", "omnivery", "postmark", "resend", "sendgrid", "ses", "sparkpost"]
"""Whose webhook payloads are read."""

Found: TypeAlias = "Interaction | str"
"""An open or a click; or the kind of an event that is neither, such as `delivered`."""


@frozen
class Provider:
    """How one provider's payloads are read."""

    events: Callable[[Any], Iterator[Any]]
    """Takes the events out of whatever they come in."""
    read: Callable[[Mapping[str, Any]], Found]
    """Reads one of them."""

    def found(self, payload: Any) -> Iterator[Found]:
        """Yield what is in a payload, event by event."""
        for event in self.events(payload):
            yield self.read(event) if isinstance(event, Mapping) else f"({type(event).__name__})"


# Mailgun, and Omnivery in its format


def _mailgun_events(payload: Any) -> Iterator[Any]:
    """A webhook's `event-data`; a page of the events API with `items`; events by themselves; a list of any of these."""
    for one in _listed(payload):
        inside = _first(one, "event-data", "event_data", "items")
        yield from (one,) if inside is None else _listed(inside)


def _mailgun(event: Mapping[str, Any]) -> Found:
    """https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure and webhooks' `event-data`.

    `event`, `ip`, `client-info.user-agent`, `id`, `timestamp`, `recipient`, `recipient-domain`,
    `message.headers.message-id`, `url`; variables are `user-variables`. The legacy form posts have `user-agent` and
    `Message-Id` at the top.
    """
    kind = _text(event.get("event"))
    action = {"opened": "open", "clicked": "click"}.get(kind or "")
    if action is None:
        return kind or NAMELESS
    message_id = _text(_first(event, "message.headers.message-id", "Message-Id", "message-id"))
    return Interaction(
        action=action,
        ip=_text(event.get("ip")),
        uas=_text(_first(event, "client-info.user-agent", "user-agent")),
        id=_text(event.get("id")),
        **_when(event.get("timestamp")),
        recipients=_texts(event.get("recipient")),
        domain=_text(event.get("recipient-domain")),
        message_id=message_id.strip("<>") if message_id else None,
        url=_text(event.get("url")),
        variables=_mapping(event.get("user-variables")),
    )


# SendGrid


def _sendgrid(event: Mapping[str, Any]) -> Found:
    """https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event.

    `event`, `ip`, `useragent`, `sg_event_id`, `timestamp`, `email`, `sg_message_id` up to the part that names
    SendGrid's own servers (so it is the `X-Message-Id` that sending returned), `url`; variables are the unique
    arguments, which stand beside the fields.
    """
    kind = _text(event.get("event"))
    if kind not in {"open", "click"}:
        return kind or NAMELESS
    message_id = _text(event.get("sg_message_id")) or _text(event.get("smtp-id"))
    for server in (".filter", ".recvd"):
        message_id = message_id.partition(server)[0] if message_id else None
    own = {name: value for name, value in event.items() if name not in _SENDGRID_FIELDS}
    return Interaction(
        action=kind,
        ip=_text(event.get("ip")),
        uas=_text(event.get("useragent")),
        id=_text(event.get("sg_event_id")),
        **_when(event.get("timestamp")),
        recipients=_texts(event.get("email")),
        message_id=message_id.strip("<>") if message_id else None,
        url=_text(event.get("url")),
        variables={**own, **_mapping(_first(event, "unique_args", "custom_args"))},
    )


_SENDGRID_FIELDS = frozenset(
    {"email", "timestamp", "smtp-id", "event", "useragent", "ip", "sg_event_id", "sg_message_id", "url"}
)


# Amazon SES


def _ses(event: Mapping[str, Any]) -> Found:
    """https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html.

    `eventType`; of its object `open` or `click` the `ipAddress`, `userAgent`, `timestamp` and `link`; of `mail` the
    `destination`, `messageId`, `timestamp` and, as variables, the `tags`, of which each has a list of values. SES has
    no id for an event.
    """
    kind = _text(_first(event, "eventType", "notificationType", "Type"))
    if kind not in {"Open", "Click"}:
        return kind or NAMELESS
    action = kind.lower()
    part, mail = _mapping(event.get(action)), _mapping(event.get("mail"))
    tags = {**_mapping(mail.get("tags")), **_mapping(part.get("linkTags"))}
    return Interaction(
        action=action,
        ip=_text(part.get("ipAddress")),
        uas=_text(part.get("userAgent")),
        **_when(part.get("timestamp")),
        recipients=_texts(mail.get("destination")),
        message_id=_text(mail.get("messageId")),
        message_ts=unix_time(mail.get("timestamp")),
        url=_text(part.get("link")),
        variables={name: value[0] if _is_single(value) else value for name, value in tags.items()},
    )


# Postmark


def _postmark_events(payload: Any) -> Iterator[Any]:
    """A webhook's object, a list of them, or a page of the messages API, whose kind is the name of its list."""
    for one in _listed(payload):
        pages = [(kind, one[name]) for name, kind in _POSTMARK_PAGES if isinstance(one, Mapping) and name in one]
        if not pages:
            yield one
        for kind, events in pages:
            yield from ({"RecordType": kind, **_mapping(event)} for event in _listed(events))


_POSTMARK_PAGES = (("Opens", "Open"), ("Clicks", "Click"))


def _postmark(event: Mapping[str, Any]) -> Found:
    """https://postmarkapp.com/developer/webhooks/open-tracking-webhook and …/click-webhook.

    `RecordType`, `Geo.IP`, `UserAgent`, `ReceivedAt`, `Recipient`, `MessageID`, `OriginalLink`; variables are the
    `Metadata` and the `Tag`. Postmark has no id for an event.
    """
    kind = _text(event.get("RecordType"))
    if kind not in {"Open", "Click"}:
        return kind or NAMELESS
    return Interaction(
        action=kind.lower(),
        ip=_text(value_at(event, "Geo.IP")),
        uas=_text(event.get("UserAgent")),
        **_when(event.get("ReceivedAt")),
        recipients=_texts(event.get("Recipient")),
        message_id=_text(event.get("MessageID")),
        url=_text(event.get("OriginalLink")),
        variables={"Tag": event.get("Tag"), **_mapping(event.get("Metadata"))},
    )


# Resend


def _resend(event: Mapping[str, Any]) -> Found:
    """https://resend.com/docs/dashboard/webhooks/event-types.

    `type`; of `data` the `click.ipAddress`, `click.userAgent`, `click.timestamp` and `click.link`, and the same of
    `open`, for which Resend documents none; `to`, `email_id` and, as variables, the `tags`. The id of a call stands in
    its header `svix-id`, and not in the payload.
    """
    kind = _text(event.get("type"))
    action = {"email.opened": "open", "email.clicked": "click"}.get(kind or "")
    if action is None:
        return kind or NAMELESS
    data = _mapping(event.get("data"))
    part = _mapping(data.get(action))
    return Interaction(
        action=action,
        ip=_text(_first(part, "ipAddress", "ip_address")),
        uas=_text(_first(part, "userAgent", "user_agent")),
        **_when(part.get("timestamp") or event.get("created_at")),
        recipients=_texts(data.get("to")),
        message_id=_text(data.get("email_id")),
        url=_text(part.get("link")),
        variables=_named(data.get("tags")),
    )


def _named(tags: Any) -> Mapping[str, Any]:
    """Tags as a mapping; they also come as a list of objects with a name and a value."""
    if isinstance(tags, list):
        return {str(tag.get("name")): tag.get("value") for tag in tags if isinstance(tag, Mapping)}
    return _mapping(tags)


# SparkPost


def _sparkpost_events(payload: Any) -> Iterator[Any]:
    """The events in a webhook's `msys` objects, or a page of the events API with `results`."""
    for one in _listed(payload):
        if isinstance(one, Mapping) and "msys" in one:
            # An empty one comes when a webhook is set up.
            yield from _mapping(one["msys"]).values() or ({"type": "(test)"},)
        else:
            inside = _first(one, "results")
            yield from (one,) if inside is None else _listed(inside)


def _sparkpost(event: Mapping[str, Any]) -> Found:
    """https://developers.sparkpost.com/api/webhooks/, `track_event`.

    `type`, `ip_address`, `user_agent`, `event_id`, `timestamp`, `rcpt_to`, `message_id`, `injection_time`,
    `target_link_url`; variables are the `rcpt_meta`. The first open (`initial_open`) and AMP's are opens too.
    """
    kind = _text(event.get("type"))
    action = _SPARKPOST_ACTIONS.get(kind or "")
    if action is None:
        return kind or NAMELESS
    return Interaction(
        action=action,
        ip=_text(event.get("ip_address")),
        uas=_text(event.get("user_agent")),
        id=_text(event.get("event_id")),
        **_when(event.get("timestamp")),
        recipients=_texts(_first(event, "rcpt_to", "raw_rcpt_to")),
        message_id=_text(event.get("message_id")),
        message_ts=unix_time(event.get("injection_time")),
        url=_text(event.get("target_link_url")),
        variables=_mapping(event.get("rcpt_meta")),
    )


_SPARKPOST_ACTIONS = {
    "open": "open",
    "initial_open": "open",
    "amp_open": "open",
    "amp_initial_open": "open",
    "click": "click",
    "amp_click": "click",
}


# What they share

NAMELESS = "(without a type)"
"""The kind of an event that does not tell its own."""


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _first(value: Any, *paths: str) -> Any:
    return next((found for path in paths if (found := value_at(value, path)) is not None), None)


def _text(value: Any) -> str | None:
    """A text, or a number as one; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(text for one in _listed(value) if (text := _text(one)))


def _is_single(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1


def _when(value: Any) -> dict[str, Any]:
    return {"moment": _text(value), "ts": unix_time(value)}


_MAILGUN = Provider(_mailgun_events, _mailgun)
PROVIDERS: Mapping[str, Provider] = {
    "mailgun": _MAILGUN,
    "omnivery": _MAILGUN,
    "postmark": Provider(_postmark_events, _postmark),
    "resend": Provider(lambda payload: iter(_listed(payload)), _resend),
    "sendgrid": Provider(lambda payload: iter(_listed(payload)), _sendgrid),
    "ses": Provider(ses_events, _ses),
    "sparkpost": Provider(_sparkpost_events, _sparkpost),
}
