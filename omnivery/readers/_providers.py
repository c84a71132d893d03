"""Webhook payloads of e-mail providers: the opens and clicks in them, and where each field of these is found.

Nothing in a payload is required: what is missing, or of another type than documented, is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from attrs import frozen

from omnivery.events.interaction import Interaction
from omnivery.events.json_path import value_at
from omnivery.readers._payload_envelopes import Kind, opened
from omnivery.readers._payload_values import first, is_single, listed, mapping, text, texts, when
from omnivery.readers._times import unix_time

ProviderName: TypeAlias = Literal["mailgun", "omnivery", "postmark", "resend", "sendgrid", "ses", "sparkpost"]
"""Whose webhook payloads are read."""

Found: TypeAlias = "Interaction | str"
"""An open or a click; or the kind of an event that is neither, such as `delivered`."""


@frozen
class Provider:
    """How one provider's payloads are read."""

    own: Sequence[str]
    """Members by which its payloads and its events are told."""
    events: Callable[[Any], Iterable[Any]]
    """Takes the events out of its own payloads."""
    read: Callable[[Mapping[str, Any]], Found]
    """Reads one of them."""

    def found(self, payload: Any) -> Iterator[Found]:
        """Yield what is in a payload, event by event."""
        for one in opened(payload, self.own):
            if isinstance(one, Kind):
                yield str(one)
                continue
            for event in self.events(one):
                yield self.read(event) if isinstance(event, Mapping) else f"({type(event).__name__})"


# Mailgun, and Omnivery in its format


def _mailgun_events(payload: Any) -> Iterator[Any]:
    """A webhook's `event-data`; a page of the events API with `items`; events by themselves; a list of any of these."""
    for one in listed(payload):
        inside = first(one, "event-data", "event_data", "items")
        yield from (one,) if inside is None else listed(inside)


def _mailgun(event: Mapping[str, Any]) -> Found:
    """https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure and webhooks' `event-data`.

    `event`, `ip`, `client-info.user-agent`, `id`, `timestamp`, `recipient`, `recipient-domain`,
    `message.headers.message-id`, `url`; variables are `user-variables`. The legacy form posts have `user-agent` and
    `Message-Id` at the top, and the API of logs has `@timestamp`.
    """
    kind = text(event.get("event"))
    action = {"opened": "open", "clicked": "click"}.get(kind or "")
    if action is None:
        return kind or NAMELESS
    message_id = text(first(event, "message.headers.message-id", "Message-Id", "message-id"))
    return Interaction(
        action=action,
        ip=text(event.get("ip")),
        uas=text(first(event, "client-info.user-agent", "user-agent")),
        id=text(event.get("id")),
        **when(first(event, "timestamp", "@timestamp")),
        recipients=texts(event.get("recipient")),
        domain=text(event.get("recipient-domain")),
        message_id=message_id.strip("<>") if message_id else None,
        url=text(event.get("url")),
        variables=mapping(event.get("user-variables")),
    )


# SendGrid


def _sendgrid(event: Mapping[str, Any]) -> Found:
    """https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event.

    `event`, `ip`, `useragent`, `sg_event_id`, `timestamp`, `email`, `sg_message_id` up to the part that names
    SendGrid's own servers (so it is the `X-Message-Id` that sending returned), `url`; variables are the unique
    arguments, which stand beside the fields.
    """
    kind = text(event.get("event"))
    if kind not in {"open", "click"}:
        return kind or NAMELESS
    message_id = text(event.get("sg_message_id")) or text(event.get("smtp-id"))
    for server in (".filter", ".recvd"):
        message_id = message_id.partition(server)[0] if message_id else None
    own = {name: value for name, value in event.items() if name not in _SENDGRID_FIELDS}
    return Interaction(
        action=kind,
        ip=text(event.get("ip")),
        uas=text(event.get("useragent")),
        id=text(event.get("sg_event_id")),
        **when(event.get("timestamp")),
        recipients=texts(event.get("email")),
        message_id=message_id.strip("<>") if message_id else None,
        url=text(event.get("url")),
        variables={**own, **mapping(first(event, "unique_args", "custom_args"))},
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
    kind = text(first(event, "eventType", "notificationType", "Type"))
    if kind not in {"Open", "Click"}:
        return kind or NAMELESS
    action = kind.lower()
    part, mail = mapping(event.get(action)), mapping(event.get("mail"))
    tags = {**mapping(mail.get("tags")), **mapping(part.get("linkTags"))}
    return Interaction(
        action=action,
        ip=text(part.get("ipAddress")),
        uas=text(part.get("userAgent")),
        **when(part.get("timestamp")),
        recipients=texts(mail.get("destination")),
        message_id=text(mail.get("messageId")),
        message_ts=unix_time(mail.get("timestamp")),
        url=text(part.get("link")),
        variables={name: value[0] if is_single(value) else value for name, value in tags.items()},
    )


# Postmark


def _postmark_events(payload: Any) -> Iterator[Any]:
    """A webhook's object, a list of them, or a page of the messages API, whose kind is the name of its list."""
    for one in listed(payload):
        pages = [(kind, one[name]) for name, kind in _POSTMARK_PAGES if isinstance(one, Mapping) and name in one]
        if not pages:
            yield one
        for kind, events in pages:
            yield from ({"RecordType": kind, **mapping(event)} for event in listed(events))


_POSTMARK_PAGES = (("Opens", "Open"), ("Clicks", "Click"))


def _postmark(event: Mapping[str, Any]) -> Found:
    """https://postmarkapp.com/developer/webhooks/open-tracking-webhook and …/click-webhook.

    `RecordType`, `Geo.IP`, `UserAgent`, `ReceivedAt`, `Recipient`, `MessageID`, `OriginalLink`; variables are the
    `Metadata` and the `Tag`. Postmark has no id for an event.
    """
    kind = text(event.get("RecordType"))
    if kind not in {"Open", "Click"}:
        return kind or NAMELESS
    return Interaction(
        action=kind.lower(),
        ip=text(value_at(event, "Geo.IP")),
        uas=text(event.get("UserAgent")),
        **when(event.get("ReceivedAt")),
        recipients=texts(event.get("Recipient")),
        message_id=text(event.get("MessageID")),
        url=text(event.get("OriginalLink")),
        variables={"Tag": event.get("Tag"), **mapping(event.get("Metadata"))},
    )


# Resend


def _resend(event: Mapping[str, Any]) -> Found:
    """https://resend.com/docs/dashboard/webhooks/event-types.

    `type`; of `data` the `click.ipAddress`, `click.userAgent`, `click.timestamp` and `click.link`, and the same of
    `open`, for which Resend documents none; `to`, `email_id` and, as variables, the `tags`. The id of a call stands in
    its header `svix-id`, and not in the payload.
    """
    kind = text(event.get("type"))
    action = {"email.opened": "open", "email.clicked": "click"}.get(kind or "")
    if action is None:
        return kind or NAMELESS
    data = mapping(event.get("data"))
    part = mapping(data.get(action))
    return Interaction(
        action=action,
        ip=text(first(part, "ipAddress", "ip_address")),
        uas=text(first(part, "userAgent", "user_agent")),
        **when(part.get("timestamp") or event.get("created_at")),
        recipients=texts(data.get("to")),
        message_id=text(data.get("email_id")),
        url=text(part.get("link")),
        variables=_named(data.get("tags")),
    )


def _named(tags: Any) -> Mapping[str, Any]:
    """Tags as a mapping; they also come as a list of objects with a name and a value."""
    if isinstance(tags, list):
        return {str(tag.get("name")): tag.get("value") for tag in tags if isinstance(tag, Mapping)}
    return mapping(tags)


# SparkPost


def _sparkpost_events(payload: Any) -> Iterator[Any]:
    """The events in a webhook's `msys` objects, or a page of the events API with `results`."""
    for one in listed(payload):
        if isinstance(one, Mapping) and "msys" in one:
            # An empty one comes when a webhook is set up.
            yield from mapping(one["msys"]).values() or ({"type": "(test)"},)
        else:
            inside = first(one, "results")
            yield from (one,) if inside is None else listed(inside)


def _sparkpost(event: Mapping[str, Any]) -> Found:
    """https://developers.sparkpost.com/api/webhooks/, `track_event`.

    `type`, `ip_address`, `user_agent`, `event_id`, `timestamp`, `rcpt_to`, `message_id`, `injection_time`,
    `target_link_url`; variables are the `rcpt_meta`. The first open (`initial_open`) and AMP's are opens too.
    """
    kind = text(event.get("type"))
    action = _SPARKPOST_ACTIONS.get(kind or "")
    if action is None:
        return kind or NAMELESS
    return Interaction(
        action=action,
        ip=text(event.get("ip_address")),
        uas=text(event.get("user_agent")),
        id=text(event.get("event_id")),
        **when(event.get("timestamp")),
        recipients=texts(first(event, "rcpt_to", "raw_rcpt_to")),
        message_id=text(event.get("message_id")),
        message_ts=unix_time(event.get("injection_time")),
        url=text(event.get("target_link_url")),
        variables=mapping(event.get("rcpt_meta")),
    )


_SPARKPOST_ACTIONS = {
    "open": "open",
    "initial_open": "open",
    "amp_open": "open",
    "amp_initial_open": "open",
    "click": "click",
    "amp_click": "click",
}


NAMELESS = "(without a type)"
"""The kind of an event that does not tell its own."""


_MAILGUN = Provider(("event", "event-data", "event_data", "items"), _mailgun_events, _mailgun)
PROVIDERS: Mapping[str, Provider] = {
    "mailgun": _MAILGUN,
    "omnivery": _MAILGUN,
    "postmark": Provider(("RecordType", *(name for name, _ in _POSTMARK_PAGES)), _postmark_events, _postmark),
    "resend": Provider(("type",), listed, _resend),
    "sendgrid": Provider(("event",), listed, _sendgrid),
    "ses": Provider(("eventType", "notificationType"), listed, _ses),
    "sparkpost": Provider(("msys", "type", "results"), _sparkpost_events, _sparkpost),
}
