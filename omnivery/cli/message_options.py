"""The options that make a message, and how its parts are read from files and standard input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from omnivery import codec
from omnivery.cli.arguments import as_text, pair
from omnivery.cli.input import read_whole

if TYPE_CHECKING:
    from omnivery.mail.attachment import Attachment
    from omnivery.mail.message import Message

Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True)
ATTACHED = click.Path(exists=True, dir_okay=False, readable=True)


def message_options(command: Command) -> Command:
    """Give a command the options of a message; it gets them as `given`, a mapping."""

    @wraps(command)
    def with_options(**options: Any) -> Any:
        given = {name: options.pop(name) for name in _NAMES}
        given |= {name: _as_text(name, value) for name, value in given.items() if name not in _FILES}
        return command(given=given, **options)

    for option in reversed(_OPTIONS):
        with_options = option(with_options)
    return cast("Command", with_options)


def message_of(given: Mapping[str, Any]) -> Message:
    """Return the message that options describe.

    Raises:
        click.UsageError: an option is missing or wrong, or two of them exclude each other.
    """
    from omnivery.mail.message import Message

    _check_standard_input(given)
    if not given["from_"]:
        raise click.UsageError("name the sender: --from ADDRESS, or OMNIVERY_FROM")
    if not given["to"]:
        raise click.UsageError("name a recipient: --to ADDRESS")
    if not any(given[name] for name in _CONTENT):
        raise click.UsageError("the message has no content: --text, --html, --template, or - for standard input")
    return Message(
        from_=given["from_"],
        # Lists: a tuple of two texts is one mailbox, of a name and an address.
        to=list(given["to"]),
        cc=list(given["cc"]),
        bcc=list(given["bcc"]),
        reply_to=list(given["reply_to"]),
        subject=given["subject"],
        text=_text(given, "text"),
        html=_text(given, "html"),
        attachments=[_attached(path) for path in given["attach"]],
        inline=[_attached(path) for path in given["inline"]],
        template=given["template"],
        template_version=given["template_version"],
        variables=_variables(given),
        delivery_time=given["delivery_time"],
        **shared_options(given),
    )


def mime_of(given: Mapping[str, Any]) -> bytes:
    """Return the MIME message that options name.

    Raises:
        click.UsageError: an option describes a message, too.
    """
    _check_standard_input(given)
    if double := [name for name in _OF_A_MESSAGE if given[name]]:
        raise click.UsageError(f"--mime is a whole message: leave out {', '.join(map(_spelled, double))}")
    return read_whole(given["mime"])


def shared_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that a message of parts and a MIME message have in common."""
    return {
        "tags": given["tags"],
        "headers": dict(given["headers"]),
        "custom": dict(given["custom"]),
        "tracking": given["tracking"],
        "test_mode": given["test_mode"],
    }


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise click.BadParameter(f"{text!r} is not 'NAME: VALUE'")
    return name.strip(), value.strip()


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise click.BadParameter(f"{text!r} is no time with a zone, such as 2030-12-24T18:00+01:00")
    return found


_OPTIONS = (
    click.option("--from", "from_", envvar="OMNIVERY_FROM", help="The sender; OMNIVERY_FROM if left out."),
    click.option("--to", multiple=True, metavar="ADDRESS", help="A recipient; may be repeated."),
    click.option("--cc", multiple=True, metavar="ADDRESS", help="A recipient of a copy."),
    click.option("--bcc", multiple=True, metavar="ADDRESS", help="A recipient of a copy whom nobody else sees."),
    click.option("--reply-to", multiple=True, metavar="ADDRESS", help="Where replies go."),
    click.option("--subject", help="The subject line."),
    click.option("--text", help="The text; - reads it from standard input."),
    click.option("--text-file", type=FILE, help="The text, in a file."),
    click.option("--html", help="The HTML; - reads it from standard input."),
    click.option("--html-file", type=FILE, help="The HTML, in a file."),
    click.option("--attach", multiple=True, type=ATTACHED, help="A file to attach; may be repeated."),
    click.option("--inline", multiple=True, type=ATTACHED, help="A file that the HTML shows as cid:NAME."),
    click.option("--mime", type=FILE, help="A whole MIME message, in a file; - is standard input."),
    click.option("--template", help="A template that is stored in the service."),
    click.option("--template-version", help="Version of the template. Mailgun-compatible API only."),
    click.option("--variable", multiple=True, type=pair, metavar="NAME=VALUE", help="A variable of the template."),
    click.option("--variables", type=FILE, help="The template's variables: a JSON object in a file."),
    click.option("--tag", "tags", multiple=True, help="A tag for statistics; may be repeated."),
    click.option("--header", "headers", multiple=True, type=_header, metavar="'NAME: VALUE'", help="Another header."),
    click.option("--custom", multiple=True, type=pair, metavar="NAME=VALUE", help="Your data, for webhooks."),
    click.option("--tracking/--no-tracking", default=None, help="Track opens and clicks; else as the domain has it."),
    click.option(
        "--at", "delivery_time", type=_moment, metavar="TIME", help="Deliver it then. Mailgun-compatible API only."
    ),
    click.option("--test-mode", is_flag=True, help="Accept the message, and deliver it to nobody."),
)
_NAMES = (
    "from_", "to", "cc", "bcc", "reply_to", "subject", "text", "text_file", "html", "html_file", "attach", "inline",
    "mime", "template", "template_version", "variable", "variables", "tags", "headers", "custom", "tracking",
    "delivery_time", "test_mode",
)  # fmt: skip
_OF_A_MESSAGE = (
    "cc", "bcc", "reply_to", "subject", "text", "text_file", "html", "html_file", "attach", "inline", "template",
    "template_version", "variable", "variables", "delivery_time",
)  # fmt: skip
_CONTENT = ("text", "text_file", "html", "html_file", "template")
_FROM_STANDARD_INPUT = ("text", "text_file", "html", "html_file", "mime", "variables")


_FILES = ("text_file", "html_file", "attach", "inline", "mime", "variables")
"""Options that name files, whose names are bytes rather than text."""


def _as_text(option: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_as_text(option, one) for one in value)
    if not isinstance(value, str):
        return value
    try:
        return as_text(value)
    except UnicodeError:
        known = {one.name: one.opts[0] for one in click.get_current_context().command.params}
        raise click.UsageError(f"{known[option]}: its value is not text in UTF-8, but in another encoding") from None


def _spelled(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _check_standard_input(given: Mapping[str, Any]) -> None:
    for name in ("text", "html"):
        if given[name] is not None and given[f"{name}_file"] is not None:
            raise click.UsageError(f"--{name} and --{name}-file: the {name} is the one or the other")
    if len(readers := [name for name in _FROM_STANDARD_INPUT if given[name] == "-"]) > 1:
        raise click.UsageError(f"{', '.join(map(_spelled, readers))}: only one can be read from standard input")


def _text(given: Mapping[str, Any], name: str) -> str | None:
    written, file = given[name], given[f"{name}_file"]
    source = "-" if written == "-" else file
    if source is None:
        return cast("str | None", written)
    shown = "standard input" if source == "-" else source
    try:
        text = read_whole(source).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise click.UsageError(f"{shown} is not text in UTF-8") from None
    if not text:
        raise click.UsageError(f"{shown} is empty: the message would have no {name}")
    return text


def _attached(path: str) -> Attachment:
    from omnivery.mail.attachment import Attachment

    return Attachment.from_path(path, name=_as_text("attach", Path(path).name))


def _variables(given: Mapping[str, Any]) -> dict[str, Any] | None:
    named: Sequence[tuple[str, str]] = given["variable"]
    if given["variables"] is None:
        return dict(named) or None
    try:
        found = codec.loads(read_whole(given["variables"]))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise click.UsageError("--variables: expected a file with one JSON object")
    return {**found, **dict(named)}
