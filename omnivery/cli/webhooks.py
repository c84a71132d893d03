"""`omnivery webhooks`: the URLs to which the service posts a domain's events."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from operator import attrgetter
from typing import TYPE_CHECKING

import click

from omnivery import codec
from omnivery.cli.clients import Clients, client_options
from omnivery.cli.command import HELP, Group
from omnivery.cli.confirmation import confirm, yes_option
from omnivery.cli.output import console, print_items, print_json, printable, wants_json
from omnivery.cli.streams import written
from omnivery.cli.surface import AUTOMATIONS, MAILGUN, PRIMARY_OR_TOKEN
from omnivery.cli.webhook_check import check_webhook
from omnivery.errors import NotFoundError

if TYPE_CHECKING:
    from omnivery.automations.webhooks import WebhookSample
    from omnivery.mail.webhook import WebhookResult
    from omnivery.mailgun import Mailgun


@click.group(cls=Group, context_settings=dict(HELP))
def webhooks() -> None:
    """The URLs to which the service posts a domain's events.

    KIND is opened, clicked, delivered, softbounced, hardbounced, unsubscribed, complained or rejected; the service may
    know others. Verdicts about bots go to the URL of their submission, not to these.
    """


@webhooks.command(
    "list",
    examples="""
    omnivery webhooks list
    omnivery webhooks list --json | jq '.items[] | {name, urls}'
    """,
)
@client_options(MAILGUN)
def list_command(*, clients: Clients) -> None:
    """List a domain's webhooks with their URLs, which may hold secrets."""
    clients.choose()
    with clients.mailgun() as client:
        found = list(client.webhooks.list())
    if not found and not wants_json():
        console().print("There are no webhooks: omnivery webhooks set KIND URL makes one.", markup=False)
        return
    print_items(found, {"kind": attrgetter("name"), "URLs": attrgetter("urls")})


@webhooks.command(
    "set",
    examples="""
    omnivery webhooks set delivered https://example.com/hooks/omnivery
    omnivery webhooks set opened https://example.com/one https://example.com/two
    """,
)
@click.argument("kind")
@click.argument("urls", metavar="URL…", nargs=-1, required=True)
@client_options(PRIMARY_OR_TOKEN)
def set_command(*, kind: str, urls: tuple[str, ...], clients: Clients) -> None:
    """Have events of a KIND posted to up to three URLs, in place of those that there are.

    The service calls each URL at once, and may refuse one that does not respond with a success.
    """
    if clients.choose() == "mailgun":
        with clients.mailgun() as client:
            result = _set(client, kind, urls)
    else:
        with clients.automations() as other:
            result = other.webhooks.create(kind, urls)
    _show(result, kind, urls, "is posted to")


def _set(client: Mailgun, kind: str, urls: Iterable[str]) -> WebhookResult:
    try:
        return client.webhooks.update(kind, urls)
    except NotFoundError:  # there is none yet; of a domain that is not there, the other call says the same
        return client.webhooks.create(kind, urls)


@webhooks.command(
    examples="""
    omnivery webhooks remove opened
    omnivery webhooks remove opened --yes
    """
)
@click.argument("kind")
@yes_option
@client_options(PRIMARY_OR_TOKEN)
def remove(*, kind: str, yes: bool, clients: Clients) -> None:
    """Stop posting events of a KIND."""
    surface = clients.choose()
    confirm(f"Stop posting {printable(kind)} events?", yes=yes)
    if surface == "mailgun":
        with clients.mailgun() as client:
            result = client.webhooks.delete(kind)
    else:
        with clients.automations() as other:
            result = other.webhooks.delete(kind)
    _show(result, kind, (), "is not posted any more")


@webhooks.command(
    examples="""
    omnivery webhooks sample delivered
    omnivery webhooks sample opened | curl --json @- http://127.0.0.1:8080/hooks
    """
)
@click.argument("kind")
@client_options(AUTOMATIONS)
def sample(*, kind: str, clients: Clients) -> None:
    """Print sample calls for a KIND, as the service makes them: one JSON body a line, with its signature."""
    clients.choose()
    with clients.automations() as client:
        found = client.webhooks.sample(kind)
    with written():
        for one in found:
            _print_body(one)


def _print_body(one: WebhookSample) -> None:
    if sys.stdout is not None and sys.stdout.isatty():
        print_json(codec.loads(one.body))  # escaped: it may steer the terminal
    elif sys.stdout is not None:
        # Byte for byte, unless a line break in it would make two lines of it.
        body = codec.dumps(codec.loads(one.body)) if b"\n" in one.body else one.body
        sys.stdout.buffer.write(body + b"\n")


def _show(result: WebhookResult, kind: str, urls: tuple[str, ...], words: str) -> None:
    if wants_json():
        print_json({"kind": kind, "urls": urls, "message": result.message})
    else:
        console().print(f"{printable(kind)} {words} {', '.join(map(printable, urls))}", markup=False, soft_wrap=True)


webhooks.add_command(check_webhook)
