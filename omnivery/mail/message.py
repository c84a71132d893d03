"""Messages: one value for both surfaces, and the receipt for a message that was taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from attrs import field, frozen

from omnivery.mail.attachment import Attachment
from omnivery.mail.recipients import Mailboxes

__all__ = ["Attachment", "Message", "Queued"]


@frozen(kw_only=True, repr=False)
class Message:
    """An e-mail to send, with all options of both surfaces. It is checked when it is sent.

    Needs at least one recipient, and one of `text`, `html`, `amp_html` and `template`. Text may hold `%recipient.name%`
    where `recipient_variables` are given.

    Make variants with `attrs.evolve(message, to=…)`.

    Source: https://docs.omnivery.com/api-ref/mailgun-api and …/automations-api (Messages). Options that only Mailgun
    documents are marked so: the Mailgun-compatible API gets them, and the Automations API refuses them here.
    """

    from_: Mailboxes
    """The sender. Its domain must be the sending domain or share its organisational domain, or the answer is 400."""
    to: Mailboxes = ()
    """Recipients. Unless there are `recipient_variables`, each of them sees all."""
    cc: Mailboxes = ()
    """Recipients of copies."""
    bcc: Mailboxes = ()
    """Recipients that the others do not see."""
    reply_to: Mailboxes = ()
    """Where answers go."""
    subject: str | None = None
    """Subject line."""
    text: str | None = None
    """Body as plain text."""
    html: str | None = None
    """Body as HTML."""
    amp_html: str | None = None
    """Body as AMP HTML (https://amp.dev/about/email)."""
    attachments: Sequence[Attachment] = ()
    """Files to attach."""
    inline: Sequence[Attachment] = ()
    """Files that the HTML shows, as `cid:<file name>`."""
    template: str | None = None
    """File name of a template that is stored with the service."""
    template_version: str | None = None
    """Which version of it. Mailgun's."""
    template_text: bool | None = None
    """Whether to make the plain text from the template, too. Mailgun's."""
    variables: Mapping[str, Any] | None = None
    """What the template sees, as JSON."""
    substitutions: Mapping[str, Any] | None = None
    """Texts in the content, and what to put in their place. The Mailgun-compatible API's only."""
    recipient_variables: Mapping[str, Mapping[str, Any]] | None = None
    """By bare address, in `to`: what `%recipient.…%` means for that recipient. Each then sees only their own address,
    even one without an entry."""
    tags: str | Sequence[str] = ()
    """Tags for statistics."""
    test_mode: bool = False
    """Take the message and deliver it to nobody."""
    tracking: bool | None = None
    """Whether to track opens and clicks; the domain's own setting when left out, here and below."""
    tracking_opens: bool | None = None
    """Whether to track opens."""
    tracking_clicks: bool | Literal["htmlonly"] | None = None
    """Whether to track clicks, or only those in HTML (Mailgun's)."""
    dkim: bool | None = None
    """Whether to sign with DKIM. Mailgun's."""
    delivery_time: datetime | int | None = None
    """When to deliver, as a datetime with a zone or in unix seconds. Mailgun's: at most three days ahead."""
    require_tls: bool | None = None
    """Whether to deliver over TLS or not at all. Mailgun's."""
    skip_verification: bool | None = None
    """Whether to deliver over TLS without verifying the certificate. Mailgun's."""
    headers: Mapping[str, str] = field(factory=dict[str, str])
    """Further headers. The system sets `List-Unsubscribe`, `Precedence`, `Feedback-ID` and their like by itself, and
    may replace or drop yours."""
    custom: Mapping[str, Any] = field(factory=dict[str, Any])
    """Your own data, which comes back with each webhook; what is not text travels as JSON. It stands in the message's
    headers, where recipients can read it."""
    callback_url: str | None = None
    """Webhook for this message only."""
    options: Mapping[str, str] = field(factory=dict[str, str])
    """Further `o:` parameters by name, such as `{"time-zone-localize": "09:00"}`, sent as they are to either API."""

    def __repr__(self) -> str:
        # Addresses, subject and body are personal and stay out of logs and tracebacks.
        files = len(self.attachments) + len(self.inline)
        return f"Message(template={self.template!r}, files={files}, test_mode={self.test_mode})"


@frozen(kw_only=True)
class Queued:
    """The receipt for a message: the service has taken it, and will try to deliver it."""

    id: str | None = None
    """The message's id, `<…@sending-domain>`; webhooks name it without the angle brackets. None where the answer held
    none: that of the Automations API is not documented."""
    message: str | None = None
    """The service's words, such as `Queued. Thank you.`"""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Whatever else the answer held."""
