"""`omnivery doctor`: what is wrong with keys, network, clock, domain and webhooks, and what to do next."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omnivery.cli.arguments import connection, connection_options
from omnivery.cli.command import command
from omnivery.cli.output import console, print_json, printable, wants_json
from omnivery.display.counts import counted

if TYPE_CHECKING:
    from omnivery.cli.checkup.finding import Finding

STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "problem": "bold red"}
"""How each level is shown."""
TITLES = {
    "versions": "Versions",
    "settings": "Settings",
    "automations": "Automations API",
    "mailgun": "Mailgun-compatible API",
    "latency": "Latency",
    "clock": "Clock",
    "domain": "Domain",
    "webhook": "Webhooks",
}
"""Heading of each area, in the order of the report."""


INDENT = 11
"""Column at which sentences begin."""


@command(
    examples="""
    omnivery doctor
    omnivery doctor --domain news.example.org
    omnivery doctor --json | jq '.findings[] | select(.level == "problem")'
    """
)
@click.option("--domain", help="Sending domain; OMNIVERY_DOMAIN if left out.")
@connection_options
def doctor(*, domain: str | None, proxy: str | None, ca: Path | None) -> None:
    """Look at everything that a call needs, and say what to do where something is wrong.

    Keys and their kinds, the way to the service and its latency, the clock, the domain with its DNS records, webhook
    URLs and the signing key, versions and extras. It changes nothing, submits no event, sends no mail, and prints no
    secret. Each webhook URL gets one POST of an empty object without a signature, which a receiver refuses.

    Exit status 0: no problem, though there may be warnings. 1: a problem.
    """
    findings = _examine(domain, connection(proxy, ca))
    problems = sum(found.level == "problem" for found in findings)
    if wants_json():
        print_json(_as_json(findings, problems))
    else:
        _print(findings, problems)
    sys.exit(1 if problems else 0)


def _examine(domain: str | None, settings: dict[str, Any]) -> list[Finding]:
    import anyio

    from omnivery.cli.checkup.examination import examine
    from omnivery.transport.adapters.factory import AdapterFactory
    from omnivery.transport.config import Limits

    adapter = AdapterFactory(limits=Limits(), **settings).create_async()
    if wants_json() or not sys.stderr.isatty():
        return anyio.run(lambda: examine(adapter, domain=domain))
    from rich.console import Console

    with Console(stderr=True).status("Looking ...", spinner="line"):
        return anyio.run(lambda: examine(adapter, domain=domain))


def _as_json(findings: Sequence[Finding], problems: int) -> dict[str, Any]:
    return {
        "ok": not problems,
        "problems": problems,
        "warnings": sum(found.level == "warning" for found in findings),
        "findings": [
            {
                "area": found.area,
                "level": found.level,
                "message": found.message,
                "next": found.next,
                "details": found.details,
            }
            for found in findings
        ],
    }


def _print(findings: Iterable[Finding], problems: int) -> None:
    from rich.text import Text

    out = console()
    width = max(out.width, 2 * INDENT)
    order = [*TITLES]
    ordered = sorted(findings, key=lambda found: order.index(found.area))
    for area, of_area in groupby(ordered, key=lambda found: found.area):
        out.print(f"\n[bold]{TITLES[area]}[/]")
        for found in of_area:
            level = Text(f"  {found.level:<{INDENT - 2}}", style=STYLES[found.level])
            out.print(Text.assemble(level, _wrapped(found.message, width)))
            if found.next:
                out.print(Text(" " * INDENT + _wrapped(f"Next: {found.next}", width), style="italic"))
    warnings = sum(found.level == "warning" for found in ordered)
    closing = f"{counted(problems, 'problem')}, {counted(warnings, 'warning')}."
    out.print(f"\n[{'red' if problems else 'green'}]{closing if problems or warnings else 'All is well.'}[/]\n")


def _wrapped(text: str, width: int) -> str:
    """Wrap a sentence that begins at the column `INDENT`."""
    indent = " " * INDENT
    lines = textwrap.fill(
        printable(text), width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
    return lines[INDENT:]
