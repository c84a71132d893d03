"""`omnivery stats`: how many messages were accepted, delivered, opened and so on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from omnivery.cli.arguments import Duration
from omnivery.cli.clients import Clients, client_options
from omnivery.cli.command import command
from omnivery.cli.output import console, print_json, print_table, wants_json
from omnivery.cli.sparkline import sparkline
from omnivery.cli.surface import MAILGUN

if TYPE_CHECKING:
    from omnivery.mailgun import StatsTotal

EVENTS = ("accepted", "delivered", "failed", "opened", "clicked", "unsubscribed", "complained")
"""What is counted unless events are named."""
FORMATS = {"hour": "%Y-%m-%d %H:%M", "month": "%Y-%m"}
"""How the start of a period is shown; by the day if its length is not here."""


@command(
    examples="""
    omnivery stats
    omnivery stats delivered opened clicked --since 30d
    omnivery stats failed --since 48h --by hour
    omnivery stats --json | jq '.stats[] | {time, delivered: .counters.delivered.total}'
    """
)
@click.argument("events", nargs=-1, metavar="[EVENT]…")
@click.option("--since", default="7d", show_default=True, type=Duration(), help="How far back, such as 48h or 30d.")
@click.option("--by", type=click.Choice(["hour", "day", "month"]), default="day", show_default=True, help="Period.")
@client_options(MAILGUN)
def stats(*, events: tuple[str, ...], since: float, by: str, clients: Clients) -> None:
    """Count the domain's events: a row for each period, and a line of bars for each EVENT.

    An EVENT is accepted, delivered, failed, opened, clicked, unsubscribed, complained or stored. The service keeps
    hours for two months, and days for a year.
    """
    clients.choose()
    names = events or EVENTS
    with clients.mailgun() as client:
        found = client.stats.total(names, start=datetime.now(UTC) - timedelta(seconds=since), resolution=by)
    if wants_json():
        print_json(found)
    else:
        _show(found, names, FORMATS.get(by, "%Y-%m-%d"))


def _show(found: StatsTotal, names: tuple[str, ...], form: str) -> None:
    counts = {name: [bucket.count(name) for bucket in found.stats] for name in names}
    if not found.stats:
        console().print("There are no counts for this time.")
        return
    rows: list[tuple[Any, ...]] = [
        (bucket.time and f"{bucket.time:{form}}", *(counts[name][place] for name in names))
        for place, bucket in enumerate(found.stats)
    ]
    print_table(("period", *names), [*rows, ("total", *(sum(counts[name]) for name in names))])
    console().print()
    print_table(("", ""), [(name, sparkline(counts[name])) for name in names])
