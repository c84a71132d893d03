"""`omnivery send`: one message."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click
from attrs import field, frozen

from omnivery.cli.clients import Clients, client_options
from omnivery.cli.command import command
from omnivery.cli.failure import SettingError
from omnivery.cli.message_options import message_of, message_options, mime_of, shared_options
from omnivery.cli.output import console, print_json, print_table, printable, wants_json
from omnivery.cli.surface import EITHER, Surface
from omnivery.display.counts import counted

if TYPE_CHECKING:
    from rich.text import Text

    from omnivery.mail.message import Message, Queued
    from omnivery.transport.multipart import FilePart

LONGEST_SHOWN = 500
"""Characters of a field that `--dry-run` shows to a person."""


@command(
    examples="""
    omnivery send --from news@mail.example.com --to ann@example.com --subject Hello --text 'Good morning!'
    df -h | omnivery send --from ops@mail.example.com --to ops@example.com --subject Disks -
    omnivery send --to ann@example.com --subject Report --html-file report.html --attach report.pdf
    omnivery send --from news@mail.example.com --to ann@example.com --template welcome --variable name=Ann --dry-run
    omnivery send --mime message.eml --to ann@example.com
    """
)
@click.argument("standard_input", required=False, metavar="[-]", type=click.Choice(["-"]))
@message_options
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@client_options(EITHER)
def send(*, standard_input: str | None, given: dict[str, Any], dry_run: bool, clients: Clients) -> None:
    """Send a message, or show it with --dry-run; `-` reads the text from standard input.

    The sender's domain must be the sending domain, or share its organisational domain. Without --bcc, every recipient
    sees the addresses of all others. A whole MIME message needs the Mailgun-compatible API; without --to, it goes to
    the addresses in its To, Cc and Bcc.

    Exit status 0: the service has accepted the message. 1: it has not, or its response was lost; the error says
    whether the message may have been sent. It is never sent again by itself.
    """
    if standard_input is not None:
        if given["text"] is not None:
            raise click.UsageError("- and --text: the text is the one or the other")
        given["text"] = "-"
    surface = clients.likely() if dry_run else clients.choose()
    outgoing = Outgoing.of(given, surface)
    if dry_run:
        outgoing.preview(clients)
        return
    try:
        queued = outgoing.send(clients)
    except KeyboardInterrupt as interruption:
        words = "Interrupted: the message may have been sent. Look before you send it again."
        raise type(interruption)(words) from None
    _show(queued, surface)


@frozen(kw_only=True)
class Outgoing:
    """A message that is to be sent: made of parts, or a whole MIME message."""

    surface: Surface
    message: Message | None = None
    mime: bytes = b""
    to: list[str] = field(factory=list[str])
    """Recipients of the MIME message; empty for those in its header."""
    options: Mapping[str, Any]

    @classmethod
    def of(cls, given: Mapping[str, Any], surface: Surface) -> Outgoing:
        """Return the message that options describe.

        Raises:
            click.UsageError: an option is missing or wrong.
            SettingError: the API cannot send it.
        """
        if given["mime"] is None:
            return cls(surface=surface, message=message_of(given), options={})
        if surface != "mailgun":
            raise SettingError(
                "--mime: the Automations API takes no MIME message. Nothing was sent.",
                hint="The Mailgun-compatible API does: set OMNIVERY_SENDING_KEY or OMNIVERY_API_KEY.",
            )
        return cls(surface=surface, mime=mime_of(given), to=list(given["to"]), options=shared_options(given))

    def send(self, clients: Clients) -> Queued:
        """Send it once."""
        if self.surface == "automations":
            assert self.message is not None  # noqa: S101  # of() sees to it
            with clients.automations() as other:
                return other.messages.send(self.message)
        with clients.mailgun() as client:
            if self.message is not None:
                return client.messages.send(self.message)
            return client.messages.send_mime(self.to or None, self.mime, **self.options)

    def preview(self, clients: Clients) -> None:
        """Show the request that would send it."""
        fields, files = self._parts()
        url = self._url(clients)
        if wants_json():
            listed = [
                {"field": file.name, "name": file.filename, "type": file.content_type, "bytes": file.measure()}
                for file in files
            ]
            print_json(
                {
                    "dry_run": True,
                    "surface": self.surface,
                    "method": "POST",
                    "url": url,
                    "fields": fields,
                    "files": listed,
                }
            )
            return
        out = console()
        out.print(f"POST {printable(url)}\n", markup=False, soft_wrap=True)
        print_table(("field", "value"), [(name, _as_lines(value)) for name, value in fields])
        if files:
            out.print()
            rows = [(file.name, file.filename, file.content_type, file.measure()) for file in files]
            print_table(("field", "file", "type", "bytes"), rows)
        out.print("\nNothing was sent.")

    def _parts(self) -> tuple[list[tuple[str, str]], list[FilePart]]:
        from omnivery.mail.form import Surface as FormOf
        from omnivery.mail.form import option_fields, parts_of, to_fields
        from omnivery.mail.recipients import write_mailboxes
        from omnivery.mailgun.mime import Mime

        if self.message is not None:
            return parts_of(self.message, FormOf[self.surface.upper()])
        ready = Mime.of(self.mime)
        written = write_mailboxes(self.to or ready.recipients(), argument="to")
        fields = [*to_fields(written), *option_fields(**self.options, callback_url=None)]
        return fields, [ready.as_file()]

    def _url(self, clients: Clients) -> str:
        from omnivery.automations.config import resolve_base_url as automations_url
        from omnivery.mailgun.config import resolve_base_url as mailgun_url
        from omnivery.transport.config import required, valid_domain

        mailgun = self.surface == "mailgun"
        base = mailgun_url(clients.region, clients.base_url) if mailgun else automations_url(clients.base_url)
        named = clients.domain or os.environ.get("OMNIVERY_DOMAIN", "").strip()
        domain = required(named, argument="domain", variable="OMNIVERY_DOMAIN", purpose="sending domain")
        return f"{base}/{valid_domain(domain)}/messages{'' if self.message else '.mime'}"


def _as_lines(value: str) -> Text:
    from rich.text import Text

    rest = f"… ({counted(len(value), 'character')} in all)" if len(value) > LONGEST_SHOWN else ""
    return Text("\n".join(map(printable, value[:LONGEST_SHOWN].splitlines())) + rest)


def _show(queued: Queued, surface: Surface) -> None:
    if wants_json():
        print_json({"id": queued.id, "message": queued.message, "surface": surface})
    else:
        console().print(f"Accepted: {printable(queued.id or 'the response has no id')}", markup=False)
