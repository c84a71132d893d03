"""Messages: one value for both surfaces, and the receipt for an accepted message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from omnivery.display.record import Record
from omnivery.errors import ConfigError
from omnivery.mail.attachment import Attachment
from omnivery.mail.recipients import Mailboxes

__all__ = ["Attachment", "Message", "Queued"]


@frozen(kw_only=True, repr=False)
class Message(Record):
    """An e-mail to send, with all options of both surfaces. It is checked when it is sent.

    It needs at least one recipient, and one of `text`, `html`, `amp_html` and `template`. With `recipient_variables`,
    `%recipient.name%` in the texts becomes the recipient's own value.

    Make variants with `attrs.evolve(message, to=…)`.

    Source: https://docs.omnivery.com/api-ref/mailgun-api and …/automations-api (Messages). Options that only Mailgun
    documents are marked "Mailgun's": the Mailgun-compatible client sends them, the Automations client refuses them.
    """

    from_: Mailboxes
    """The sender. Its domain must be the sending domain or share its organisational domain; otherwise the response is
    400."""
    to: Mailboxes = ()
    """Recipients. Without `recipient_variables`, each recipient sees all the addresses."""
    cc: Mailboxes = ()
    """Recipients of copies."""
    bcc: Mailboxes = ()
    """Recipients of copies whose addresses nobody else sees."""
    reply_to: Mailboxes = ()
    """Mailboxes that replies go to."""
    subject: str | None = None
    """Subject line."""
    text: str | None = field(default=None, repr=False)
    """Body as plain text."""
    html: str | None = field(default=None, repr=False)
    """Body as HTML."""
    amp_html: str | None = field(default=None, repr=False)
    """Body as AMP HTML (https://amp.dev/about/email)."""
    attachments: Sequence[Attachment] = ()
    """Files to attach."""
    inline: Sequence[Attachment] = ()
    """Files that the HTML shows as `cid:<file name>`."""
    template: str | None = None
    """File name of a template that is stored in the service."""
    template_version: str | None = None
    """Version of the template. Mailgun's."""
    template_text: bool | None = None
    """Whether to render the plain text from the template, too. Mailgun's."""
    variables: Mapping[str, Any] | None = field(default=None, repr=False)
    """Variables of the template, sent as JSON."""
    substitutions: Mapping[str, Any] | None = field(default=None, repr=False)
    """Texts to replace in the content, and their replacements. Mailgun-compatible API only."""
    recipient_variables: Mapping[str, Mapping[str, Any]] | None = field(default=None, repr=False)
    """Values of `%recipient.…%`, by bare address of a recipient in `to`. Each recipient then sees only their own
    address, also those without an entry. Only the Automations page lists this field; for the Mailgun-compatible API it
    is Mailgun's."""
    tags: str | Sequence[str] = ()
    """Tags for statistics."""
    test_mode: bool = False
    """Accept the message and deliver it to nobody."""
    tracking: bool | None = None
    """Whether to track opens and clicks. If left out, here and below, the domain's setting applies."""
    tracking_opens: bool | None = None
    """Whether to track opens."""
    tracking_clicks: bool | Literal["htmlonly"] | None = None
    """Whether to track clicks; `htmlonly` for those in HTML alone (Mailgun's)."""
    dkim: bool | None = None
    """Whether to sign with DKIM. Mailgun's."""
    delivery_time: datetime | int | None = None
    """Time of delivery, as a datetime with a time zone or in unix seconds. Mailgun's; at most three days ahead."""
    require_tls: bool | None = None
    """Whether to deliver only over TLS. Mailgun's."""
    skip_verification: bool | None = None
    """Whether to skip verification of the receiving server's certificate. Mailgun's."""
    headers: Mapping[str, str | int] = field(factory=dict[str, str | int], repr=False)
    """Further headers; values are text or whole numbers. `List-Unsubscribe`, `Precedence`, `Feedback-ID` and similar
    headers are reserved: the service sets them itself, and may replace or drop yours."""
    custom: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Your own data, returned with each webhook; values other than text are sent as JSON. The service puts it into the
    message's headers, where recipients can read it."""
    callback_url: str | None = None
    """Webhook URL for this message only."""
    options: Mapping[str, str] = field(factory=dict[str, str])
    """Further `o:` parameters by name, such as `{"time-zone-localize": "09:00"}`, sent unchanged to either API."""

    @classmethod
    def from_form(cls, form: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> Message:
        """Make a message of Mailgun's own field names, for programs that migrate from Mailgun.

        Names are `from`, `to`, `subject`, `text`, `html`, `attachment`, `o:tag`, `o:testmode`, `h:X-My-Header`,
        `v:my-var`, `t:variables`, `recipient-variables` and so on. Several values of a field are a list; switches are
        booleans or the texts `yes` and `no`; JSON fields are mappings or text; files are `Attachment`s, paths, or
        tuples `(name, content)`.

        Args:
            form: the fields: a mapping, or pairs, which may repeat a name.

        Raises:
            ConfigError: a field is unknown, or its value cannot be read; the text names the field.
        """
        from omnivery.mail.mailgun_fields import message_arguments

        arguments = message_arguments(form)
        if "from_" not in arguments:
            raise ConfigError("'from': the message has no sender. Nothing was sent.")
        return cls(**arguments)

    @classmethod
    def of(cls, message: MessageLike) -> Message:
        """Return a message as it is, or make one of a mapping as `from_form` does.

        Raises:
            ConfigError: it is neither, or the mapping cannot be read.
        """
        if isinstance(message, Message):
            return message
        if isinstance(message, Mapping):
            return cls.from_form(message)
        raise ConfigError(
            f"message: expected a Message, or a mapping of Mailgun's field names, not {type(message).__name__}. "
            "Nothing was sent."
        )

    def __repr__(self) -> str:
        # Bodies and variables may contain secrets, such as a link that resets a password.
        names = ("from_", "to", "cc", "bcc", "reply_to", "subject", "template", "tags", "test_mode", "delivery_time")
        shown = [f"{name}={_shortened(value)}" for name in names if (value := getattr(self, name))]
        files = [f"{len(found)} {name}" for name in ("attachments", "inline") if (found := getattr(self, name))]
        return f"Message({', '.join(shown)}{''.join(f', <{one}>' for one in files)})"


_SHOWN = 3


def _shortened(value: object) -> str:
    if isinstance(value, list | tuple) and len(value) > _SHOWN:
        return f"[{', '.join(map(repr, value[:_SHOWN]))}, and {len(value) - _SHOWN} more]"
    return repr(value)


MessageLike: TypeAlias = Message | Mapping[str, Any]
"""A message for the sending methods: a `Message`, or a mapping of Mailgun's own field names (`Message.from_form`)."""


@frozen(kw_only=True)
class Queued(Record):
    """The receipt for a message: the service has accepted it, and will try to deliver it."""

    id: str | None = None
    """The message's id, `<…@sending-domain>`; webhooks carry it without the angle brackets. None if the response has
    none: the response of the Automations API is not documented."""
    message: str | None = None
    """The service's text, such as `Queued. Thank you.`"""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""
