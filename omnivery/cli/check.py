"""`omnivery bots check`: the verdict about one interaction."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from omnivery import codec
from omnivery.cli.arguments import Duration, pair
from omnivery.cli.clients import Clients, client_options
from omnivery.cli.command import command
from omnivery.cli.input import read_whole
from omnivery.cli.output import console, print_facts, print_json, printable, say, wants_json
from omnivery.cli.surface import AUTOMATIONS

if TYPE_CHECKING:
    from omnivery.automations import PendingVerdict, Verdict

WORDS: dict[bool | None, str] = {True: "a bot", False: "a human", None: "not known"}


@command(
    examples="""
    omnivery bots check --ip 192.0.2.1 --uas 'curl/8.9.1'
    omnivery bots check --ip 203.0.113.7 --no-wait
    omnivery bots check --result 7d3a0d9e
    head -1 events.ndjson | omnivery bots check -
    """
)
@click.argument("event", required=False, metavar="[-]")
@click.option("--ip", help="IP address that the interaction came from.")
@click.option("--uas", help="Its user agent.")
@click.option("--action", help="open or click; the service's default is click.")
@click.option("--recipient-domain", "domain_", metavar="DOMAIN", help="The recipient's e-mail domain.")
@click.option("--recipient-id", help="Your key of the recipient.")
@click.option("--message-id", help="Your key of the message.")
@click.option("--ts", type=int, help="When it happened, in unix seconds.")
@click.option("--message-ts", type=int, help="When the message was delivered, in unix seconds.")
@click.option(
    "--attribute", "attributes", multiple=True, metavar="NAME=VALUE", type=pair, help="An attribute of yours."
)
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for a verdict that comes later.")
@click.option("--deadline", default="60s", show_default=True, type=Duration(), help="How long to wait.")
@click.option("--result", "request_id", metavar="ID", help="Fetch the verdict of an earlier check.")
@client_options(AUTOMATIONS)
def check(
    *,
    event: str | None,
    domain_: str | None,
    attributes: tuple[tuple[str, str], ...],
    wait: bool,
    deadline: float,
    request_id: str | None,
    clients: Clients,
    **fields: Any,
) -> None:
    """Check one interaction: a bot's, a human's, or not known.

    It needs --ip or --uas; every further field makes the verdict more accurate. `-` reads an event as JSON from
    standard input. Single checks are rate limited, and take a second or more: for many events there is
    `omnivery bots submit`.

    Exit status 0: there is a verdict. 1: it is not there yet; the output has the id for --result.
    """
    given = {name: value for name, value in {**fields, "domain": domain_}.items() if value is not None}
    interaction = {**_event_from(event), **given, **dict(attributes)}
    if not interaction and request_id is None:
        raise click.UsageError("name the interaction: --ip or --uas, or - for JSON from standard input")
    clients.choose()
    with clients.automations() as client:
        from omnivery.automations import PendingVerdict

        if request_id is not None:
            return _show(client.bots.result(request_id))
        found = client.bots.check(interaction)
        if isinstance(found, PendingVerdict) and wait:
            found = _waited(client, found, deadline)
    if isinstance(found, PendingVerdict):
        _show_pending(found)
        sys.exit(1)
    return _show(found)


def _event_from(source: str | None) -> dict[str, Any]:
    if source is None:
        return {}
    if source != "-":
        raise click.UsageError(f"{source!r}: an event comes from standard input, as -, or from the options")
    try:
        found = codec.loads(read_whole("-"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise click.UsageError('standard input has no event: expected one JSON object, such as {"ip": "192.0.2.1"}')
    return found


def _waited(client: Any, pending: PendingVerdict, deadline: float) -> Verdict | PendingVerdict:
    from omnivery.errors import VerdictPendingError

    if not wants_json():
        say(f"The verdict comes later: waiting for {deadline:,.0f} s at most.")
    try:
        verdict: Verdict = client.bots.wait(pending, deadline=deadline)
    except VerdictPendingError:
        return pending
    return verdict


def _show_pending(pending: PendingVerdict) -> None:
    if wants_json():
        print_json({"pending": True, "request_id": pending.request_id})
        return
    console().print(
        f"There is no verdict yet. Later: omnivery bots check --result {printable(pending.request_id)}", markup=False
    )


def _show(verdict: Verdict) -> None:
    if wants_json():
        print_json(verdict)
        return
    console().print(f"It was {WORDS[verdict.is_bot]}.", style="bold")
    print_facts(verdict.request.to_fields())
