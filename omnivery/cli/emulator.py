"""`omnivery emulator`: both APIs on a port of this machine."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from ipaddress import ip_address
from threading import Thread
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from omnivery.cli.activity_lines import ActivityLines, wants_colour
from omnivery.cli.command import command
from omnivery.cli.output import print_json, say, wants_json
from omnivery.cli.port import port_hints

if TYPE_CHECKING:
    from omnivery.emulator import Emulator

PORT = 20310
"""The default port: the letters OV (0x4F56). It is registered for nothing, and neither an ephemeral port nor one that
Mailpit (8025, 1025) or other development servers use."""
KEYS = ("token", "api_key", "sending_key", "signing_key")
"""Options with keys. In the environment, each has the prefix OMNIVERY_."""


@command(
    examples="""
    omnivery emulator
    eval "$(omnivery emulator --export)"
    omnivery emulator --faults 429=5%,500=1%,cut=0.5%,delay=50ms±20ms
    omnivery emulator --faults dup=1%,late=2s,limit=10/s --seed 7
    omnivery emulator --db omnivery.db --smtp 127.0.0.1:1025
    """
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Host to listen on.")
@click.option(
    "--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--domain", default="mail.example.com", show_default=True, help="Sending domain that exists at start.")
@click.option("--token", envvar="OMNIVERY_TOKEN", help="Token that callers must send; random if left out.")
@click.option("--api-key", envvar="OMNIVERY_API_KEY", help="Account's key for the Mailgun surface; random if left out.")
@click.option("--sending-key", envvar="OMNIVERY_SENDING_KEY", help="Domain's key for sending; random if left out.")
@click.option("--signing-key", envvar="OMNIVERY_SIGNING_KEY", help="Signs the webhooks; random if left out.")
@click.option("--seed", type=int, help="Derives the keys that are left out, and the faults: always the same ones.")
@click.option("--faults", metavar="FAULT=VALUE,…", help="Faults by chance, such as 429=5%,delay=50ms±20ms.")
@click.option(
    "--dialect",
    type=click.Choice(["omnivery", "mailgun"]),
    default="omnivery",
    show_default=True,
    help="Whose document to follow where the two disagree.",
)
@click.option("--strict", is_flag=True, help="Refuse what that document forbids, although clients do it.")
@click.option(
    "--latency",
    type=click.Choice(["none", "real"]),
    default="none",
    show_default=True,
    help="real: checks and webhooks take the time of the service.",
)
@click.option("--db", type=click.Path(dir_okay=False), help="File for records, domains and keys; created if missing.")
@click.option(
    "--max-messages",
    "max_messages_kept",
    default=10_000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Messages to keep; the oldest are deleted.",
)
@click.option("--allow-host", "allow_hosts", multiple=True, metavar="NAME", help="A name that browsers may call it by.")
@click.option("--smtp", metavar="HOST:PORT", help="Pass accepted messages on to an SMTP server, such as Mailpit's.")
@click.option("--quiet", is_flag=True, help="Print no line for each request and webhook.")
@click.option("--export", is_flag=True, help='Run in the background: eval "$(omnivery emulator --export)".')
@click.option("--stop", is_flag=True, help='End the one in the background: eval "$(omnivery emulator --stop)".')
@click.pass_context
def emulator(context: click.Context, /, *, export: bool, stop: bool, quiet: bool, **settings: Any) -> None:
    """Run an emulator of both APIs until Ctrl-C, and print its page, what to export, and a line for each request.

    With --export it runs in the background, on a free port unless one is given, and a shell evaluates what is printed.
    Verdicts come to the emulator's own receiver, OMNIVERY_WEBHOOK_URL; its page and GET /_/verdicts show them.

    Its verdicts are plausible, not the product's. An event from 192.0.2.0/24 is always a bot's, one from
    198.51.100.0/24 always a human's, and one from 203.0.113.0/24 never gets a verdict.

    Keys are for trying: they are printed, but for those that come from the environment. Faults: a status from 400 to
    599, cut, cut-before and cut-after with the share of requests that meet them; delay and late (webhooks) with a time;
    dup (webhooks) with a share; limit with a rate. messages:500=2% is for one route.

    With --db, everything is there again after a restart, keys included. --smtp passes messages on to Mailpit, or any
    other SMTP server.

    Lines are JSON where standard output is no terminal: first the settings, then one for each request and webhook. The
    first Ctrl-C lets requests in progress finish, a second one ends at once. It also ends when what reads its lines
    does, but for --quiet.
    """
    if stop or export:
        return _in_background(context, settings, stop=stop)
    hidden = {_variable(name) for name in KEYS if _is_from_environment(context, name)}
    return _run(settings, hidden=hidden, quiet=quiet)


def _in_background(context: click.Context, settings: dict[str, Any], *, stop: bool) -> None:
    from omnivery.cli import emulator_background as background

    if stop:
        background.stop()
    else:
        keys = {_variable(name): settings[name] for name in KEYS if settings[name]}
        unknown = {_variable(name) for name in KEYS if not _is_from_environment(context, name)}
        background.export(_own_options(context), keys, unknown=unknown)


def _variable(key: str) -> str:
    return f"OMNIVERY_{key.upper()}"


def _is_from_environment(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is ParameterSource.ENVIRONMENT


def _own_options(context: click.Context) -> list[str]:
    """The options of the one in the background: those that were given, except keys, which others could read."""
    options: list[str] = ["--quiet"]
    if context.get_parameter_source("port") is ParameterSource.DEFAULT:
        options += ["--port", "0"]
    for option in context.command.params:
        name = option.name or ""
        is_given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if is_given and name not in {*KEYS, "export", "quiet", "json"}:
            options += _spelt(option.opts[0], context.params.get(name))
    return options


def _spelt(option: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [option] if value else []
    if isinstance(value, tuple):
        return [part for each in value for part in (option, str(each))]
    return [option, str(value)]


def _run(settings: dict[str, Any], *, hidden: set[str], quiet: bool) -> None:
    from omnivery.emulator import Emulator

    lines, emulator = ActivityLines(), Emulator(**settings)
    if not quiet:
        emulator.watch(lines.add)
    with ended_by_signals(lines):
        with port_hints():
            emulator.start()
        try:
            _show(emulator, hidden)
            if not _is_loopback(settings["host"]):
                say("Everyone who reaches this port may read and change all: the control API needs no key.")
            # The first webhook would load it, and seem to be slow.
            Thread(target=import_module, args=["omnivery.transport.adapters.httpx_async"], daemon=True).start()
            if not quiet and sys.stdout is not None:
                with suppress(OSError):  # of an output that is no file
                    lines.end_without_reader(sys.stdout.fileno())
            lines.print_until_end()
        finally:
            emulator.stop()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def ended_by_signals(lines: ActivityLines) -> Iterator[None]:
    """In the block, the first Ctrl-C, SIGTERM or end of the terminal ends the lines, and the second one the process."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if os.name == "posix" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
        numbers.append(signal.SIGHUP)

    def end(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
        lines.end()

    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _show(emulator: Emulator, hidden: set[str]) -> None:
    settings = {name: value for name, value in emulator.environment.items() if name not in hidden}
    if wants_json():
        print_json({"page_url": emulator.page_url, **settings})
        return
    click.echo(f"The emulator's page: {click.style(emulator.page_url, bold=True)}\n", color=wants_colour())
    for name, value in settings.items():
        click.echo(_assignment(name, value))
    if hidden:
        click.echo(f"In the environment already, and not shown: {', '.join(sorted(hidden))}.")
    click.echo("\nIts verdicts are plausible, not the product's. Ctrl-C ends it.\n")


def _assignment(name: str, value: str) -> str:
    return f"export {name}={shlex.quote(value)}" if os.name == "posix" else f"$env:{name} = '{value}'"
