"""Encode a message as the form of one surface. Messages that would certainly be refused are rejected here, unsent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any

from omnivery.errors import BadRequestError, ConfigError
from omnivery.mail import values
from omnivery.mail.attachment import Attachment
from omnivery.mail.message import Message
from omnivery.mail.recipients import bare_addresses, count_mailboxes, write_mailboxes
from omnivery.transport import body as encoding
from omnivery.transport.config import valid_url
from omnivery.transport.multipart import FilePart

if TYPE_CHECKING:
    from omnivery.mail.message import MessageLike
    from omnivery.mail.recipients import Mailboxes
    from omnivery.transport.body import Body

Field = tuple[str, str]

MAX_RECIPIENTS = 1000
"""Most recipients of one call (Mailgun, source/api-sending.rst)."""
FROM_HINT = (
    "The message was not sent: From must be an address in the sending domain, or in a domain that shares its "
    "organisational domain"
)


class Surface(Enum):
    """The API that a message is sent with: the two name some fields differently."""

    MAILGUN = "the Mailgun-compatible API"
    AUTOMATIONS = "the Automations API"


def encode(message: MessageLike, surface: Surface) -> Body:
    """Return the request body that sends a message.

    The Mailgun-compatible API gets a url-encoded form, which public clients of Omnivery use, or a multipart form if
    there are files. The Automations API documents multipart only.

    Raises:
        ConfigError: the message cannot be sent as it is; the text names the field.
    """
    with values.naming("message"):
        fields, files = parts_of(message, surface)
        return to_form(fields, files, multipart=bool(files) or surface is Surface.AUTOMATIONS)


def parts_of(message: MessageLike, surface: Surface) -> tuple[list[Field], list[FilePart]]:
    """Return the fields and files of the form that sends a message.

    Raises:
        ConfigError: as for `encode`.
    """
    given = Message.of(message)
    fields = [*_recipient_fields(given), *_content_fields(given), *_variable_fields(given, surface)]
    fields += [*_delivery_fields(given, surface), *_option_fields(given)]
    files = [*_parts("attachment", given.attachments, "attachments"), *_parts("inline", given.inline, "inline")]
    return fields, files


def to_form(fields: Sequence[Field], files: Iterable[FilePart] = (), *, multipart: bool) -> Body:
    """Encode a form.

    Raises:
        ConfigError: a value is not valid Unicode, or a file cannot be read.
    """
    return encoding.multipart(fields, files) if multipart else encoding.form(fields)


def option_fields(
    *,
    tags: str | Sequence[str],
    test_mode: bool,
    tracking: bool | None,
    headers: Mapping[str, str | int],
    custom: Mapping[str, Any],
    callback_url: str | None,
) -> Iterator[Field]:
    """Yield the fields of the options that all ways of sending share.

    Raises:
        ConfigError: an option is of a wrong type, a header or tag contains a line break, a header's name is invalid, or
            a value has no JSON form; the text names the option.
    """
    for tag in [tags] if isinstance(tags, str) else values.items(tags, str, "tags"):
        yield "o:tag", values.line(tag, "tags")
    if values.is_on(test_mode, "test_mode"):
        # Never `no`: no page says what a server does with it, while a missing field is clear.
        yield "o:testmode", "yes"
    yield from _switches({"o:tracking": tracking})
    for name, value in values.mapping(headers, "headers").items():
        yield f"h:{values.header_name(name)}", values.header_value(value)
    for name, value in values.mapping(custom, "custom").items():
        key = f"v:{values.text(name, 'custom')}"
        yield key, values.text(value, "custom") if isinstance(value, str) else values.json(value, "custom")
    if callback_url is not None:
        yield "callback_url", valid_url(values.text(callback_url, "callback_url"), argument="callback_url")


def to_fields(written: Sequence[str], *others: str) -> list[Field]:
    """Return the `to` fields of a call, one for each recipient.

    Args:
        written: the recipients.
        others: recipients of copies, which count towards the limit.

    Raises:
        ConfigError: there is no recipient, or more than one call takes.
    """
    if not written:
        raise ConfigError("to: there is no recipient. Nothing was sent.")
    if (count := count_mailboxes([*written, *others])) > MAX_RECIPIENTS:
        raise ConfigError(
            f"to, cc, bcc: {count} recipients; one call takes {MAX_RECIPIENTS}, and send_batch() any number. "
            "Nothing was sent."
        )
    return [("to", one) for one in written]


@contextmanager
def from_explained() -> Iterator[None]:
    """Add a hint about the sending domain to a 400 whose message speaks of From."""
    try:
        yield
    except BadRequestError as error:
        if re.search(r"\bfrom\b", error.message, re.IGNORECASE):
            error.hint = FROM_HINT
        raise


def _recipient_fields(message: Message) -> Iterator[Field]:
    sender = write_mailboxes(message.from_, argument="from_")
    if (count := count_mailboxes(sender)) != 1:
        raise ConfigError(f"from_: expected one sender, not {count}. Nothing was sent.")
    yield "from", sender[0]
    cc, bcc = _copies(message.cc, "cc"), _copies(message.bcc, "bcc")
    yield from to_fields(write_mailboxes(message.to, argument="to"), *(one for _, one in (*cc, *bcc)))
    yield from (*cc, *bcc)
    if reply_to := write_mailboxes(message.reply_to, argument="reply_to"):
        # Reply-To is one header field, however many mailboxes it has.
        yield "reply_to", ", ".join(reply_to)


def _copies(value: Mailboxes, name: str) -> list[Field]:
    return [(name, one) for one in write_mailboxes(value, argument=name)]


def _content_fields(message: Message) -> Iterator[Field]:
    if not (message.text or message.html or message.amp_html or message.template):
        raise ConfigError("text, html, amp_html, template: the message has none of them. Nothing was sent.")
    if message.subject is not None:
        yield "subject", values.line(message.subject, "subject")
    texts = {
        "text": ("text", message.text),
        "html": ("html", message.html),
        "amp-html": ("amp_html", message.amp_html),
        "template": ("template", message.template),
        "t:version": ("template_version", message.template_version),
    }
    yield from ((name, values.text(text, argument)) for name, (argument, text) in texts.items() if text is not None)
    yield from _switches({"t:text": message.template_text})


def _variable_fields(message: Message, surface: Surface) -> Iterator[Field]:
    template = "t:variables" if surface is Surface.MAILGUN else "template_variables"
    if message.variables is not None:
        yield template, values.json(values.mapping(message.variables, "variables"), "variables")
    if message.substitutions is not None:
        yield "substitutions", values.json(values.mapping(message.substitutions, "substitutions"), "substitutions")
    if message.recipient_variables is not None:
        recipients = bare_addresses(write_mailboxes(message.to, argument="to"))
        by_address = _by_address(message.recipient_variables, recipients)
        yield "recipient-variables", values.json(by_address, "recipient_variables")


def _by_address(given: Mapping[str, Mapping[str, Any]], recipients: Sequence[str]) -> dict[str, dict[str, Any]]:
    own: dict[str, dict[str, Any]] = {}
    for place, (address, variables) in enumerate(values.mapping(given, "recipient_variables").items()):
        spelling = values.text(address, "recipient_variables").lower()
        if spelling in own:
            raise ConfigError(f"recipient_variables: key {place} is repeated. Nothing was sent.")
        own[spelling] = values.mapping(variables, "recipient_variables")
    if strangers := own.keys() - {address.lower() for address in recipients}:
        raise ConfigError(
            f"recipient_variables: {len(strangers)} of the keys are not the bare address of a recipient in `to`. "
            "Nothing was sent."
        )
    # A recipient without an entry would see all addresses. A server may look keys up as they are spelled in `to`.
    return {address: own.get(address.lower(), {}) for address in recipients}


def _delivery_fields(message: Message, surface: Surface) -> Iterator[Field]:
    if surface is Surface.AUTOMATIONS:
        _refuse_mailguns_own(message)
    yield from _switches(
        {
            "o:tracking-opens": message.tracking_opens,
            "o:tracking-clicks": message.tracking_clicks,
            "o:dkim": message.dkim,
            "o:require-tls": message.require_tls,
            "o:skip-verification": message.skip_verification,
        }
    )
    if message.delivery_time is not None:
        yield "o:deliverytime", values.moment(message.delivery_time, "delivery_time")
    for name, value in values.mapping(message.options, "options").items():
        yield f"o:{values.text(name, 'options').removeprefix('o:')}", values.text(value, "options")


def _option_fields(message: Message) -> Iterator[Field]:
    return option_fields(
        tags=message.tags,
        test_mode=message.test_mode,
        tracking=message.tracking,
        headers=message.headers,
        custom=message.custom,
        callback_url=message.callback_url,
    )


def _refuse_mailguns_own(message: Message) -> None:
    # Dropping them silently would send a message now that was scheduled for tomorrow.
    own = {
        "substitutions": message.substitutions,
        "template_version": message.template_version,
        "template_text": message.template_text,
        "dkim": message.dkim,
        "delivery_time": message.delivery_time,
        "require_tls": message.require_tls,
        "skip_verification": message.skip_verification,
        'tracking_clicks="htmlonly"': message.tracking_clicks if message.tracking_clicks == "htmlonly" else None,
    }
    if given := [name for name, value in own.items() if value is not None]:
        raise ConfigError(
            f"{', '.join(given)}: the Automations API has no such option; the Mailgun-compatible API has. "
            "Nothing was sent."
        )


def _parts(name: str, files: Iterable[Attachment], argument: str) -> Iterator[FilePart]:
    for file in values.items(files, Attachment, argument):
        yield FilePart(
            name=name, filename=file.name, content_type=file.content_type, content=file.content, start=file.start
        )


def _switches(given: Mapping[str, object]) -> Iterator[Field]:
    yield from (
        (name, values.switch(value, values.SWITCH_ARGUMENTS[name]))
        for name, value in given.items()
        if value is not None
    )
