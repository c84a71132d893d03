"""`omnivery emulator`: both APIs on a port of this machine."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from omnivery.cli import emulator_background as background
from omnivery.cli.command import command
from omnivery.cli.output import console, print_json, wants_json

if TYPE_CHECKING:
    from omnivery.emulator import Emulator

EVERY = 0.5
"""Seconds between two looks at the verdicts that came in."""


@command(
    examples="""
    omnivery emulator
    eval "$(omnivery emulator --export)"
    omnivery emulator --port 8080 --chaos throttle=0.05,error=0.01
    """
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Host to listen on.")
@click.option(
    "--port", default=8025, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--domain", default="mail.example.com", show_default=True, help="Sending domain that exists at start.")
@click.option("--token", envvar="OMNIVERY_TOKEN", help="Token that callers must send; random if left out.")
@click.option("--api-key", envvar="OMNIVERY_API_KEY", help="Account's key for the Mailgun surface; random if left out.")
@click.option("--sending-key", envvar="OMNIVERY_SENDING_KEY", help="Domain's key for sending; random if left out.")
@click.option("--signing-key", envvar="OMNIVERY_SIGNING_KEY", help="Signs the webhooks; random if left out.")
@click.option("--faults", metavar="FAULT=VALUE,…", help="Faults by chance, such as 429=5%,delay=50ms±20ms.")
@click.option("--seed", type=int, help="Derives the faults, and all keys that are not given.")
@click.option("--export", is_flag=True, help='Run in the background: eval "$(omnivery emulator --export)".')
@click.option("--stop", is_flag=True, help='End the one in the background: eval "$(omnivery emulator --stop)".')
@click.pass_context
def emulator(
    context: click.Context,
    /,
    *,
    host: str,
    port: int,
    domain: str,
    faults: str | None,
    seed: int | None,
    export: bool,
    stop: bool,
    **secrets: str | None,
) -> None:
    """Run an emulator of both APIs until Ctrl-C, and print its settings.

    With --export it runs in the background, on a free port unless one is given, and a shell evaluates what is printed:
    eval "$(omnivery emulator --export)". Verdicts come to the emulator's own receiver, OMNIVERY_WEBHOOK_URL; its page
    and GET /_/verdicts show them.

    Its verdicts are plausible, not the product's. An event from 192.0.2.0/24 is always a bot's, one from
    198.51.100.0/24 always a human's, and one from 203.0.113.0/24 never gets a verdict.

    Keys and token are for trying: they are printed. Faults: a status from 400 to 599, cut, cut-before and cut-after
    with the share of requests that meet them; delay and late (webhooks) with a time; dup (webhooks) with a share; limit
    with a rate. messages:500=2% is for one route.

    \b
    omnivery emulator --faults 429=5%,500=1%,cut=0.5%,delay=50ms±20ms
    omnivery emulator --faults dup=1%,late=2s,limit=10/s --seed 7
    """  # noqa: D301  # \b is click's mark for lines that stay as they are
    if stop:
        return background.stop()
    if export:
        is_given = context.get_parameter_source("port") is not ParameterSource.DEFAULT
        options = {"--host": host, "--port": str(port if is_given else 0), "--domain": domain}
        options |= {
            name: str(value) for name, value in {"--faults": faults, "--seed": seed}.items() if value is not None
        }
        return background.export(options, {f"OMNIVERY_{name.upper()}": value for name, value in secrets.items()})
    return _run(host=host, port=port, domain=domain, faults=faults, seed=seed, **secrets)


def _run(**settings: Any) -> None:
    from omnivery.emulator import Emulator

    with Emulator(**settings) as running:
        ended = _end_signal()
        _show(running)
        shown = 0
        while not ended.wait(EVERY):
            shown = _show_verdicts(running, shown)


def _show(running: Emulator) -> None:
    settings = running.environment
    if wants_json():
        print_json(settings)
        return
    out = console()
    out.print("\n[bold]The emulator is running.[/] Verdicts are plausible, not the product's. Ctrl-C ends it.\n")
    for name, value in settings.items():
        out.print(f"export {name}={value}", markup=False)
    out.print(f"\nVerdicts that come to OMNIVERY_WEBHOOK_URL are shown here, and at {running.page_url}\n", markup=False)


def _show_verdicts(running: Emulator, shown: int) -> int:
    """Print how many verdicts the emulator's own receiver has by now, if that has changed."""
    counts = running.received_counts
    if (verdicts := counts["verdicts"]) != shown and not wants_json():
        click.echo(f"{verdicts:,} verdicts received: {counts['bots']:,} bots, {counts['humans']:,} humans")
    return verdicts


def _end_signal() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    return ended
