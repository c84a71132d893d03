"""How long a request takes, through each entry point of the Mailgun-compatible API."""

from __future__ import annotations

import anyio

from omnivery.cli.checkup.account import Access
from omnivery.cli.checkup.finding import Area, Finding, note, ok
from omnivery.cli.checkup.probe import Prober
from omnivery.cli.checkup.setup import Setup
from omnivery.mailgun.config import REGIONS
from omnivery.mailgun.domains import LIST as DOMAINS

REPEATS = 2
"""Requests of each measurement: the first one opens the connection, and the shortest counts."""
WORTHWHILE = 0.7
"""Another entry point is recommended if it takes less than this share of the time."""


async def check_latency(prober: Prober, setup: Setup, mailgun: Access, automations: Access) -> list[Finding]:
    """Measure the entry points, at the same time."""
    findings = [_automations(setup, automations)] if automations.latency is not None else []
    if mailgun.credential is None or setup.mailgun_url is None:
        return findings
    own = setup.mailgun_url
    urls = REGIONS if own in REGIONS.values() else {own: own}
    taken: dict[str, float] = {}

    async def measure(name: str, url: str) -> None:
        for _ in range(REPEATS):
            probe = await prober.call(url, DOMAINS, credential, query={"limit": "1"})
            if probe.response is not None:
                taken[name] = min(probe.elapsed, taken.get(name, probe.elapsed))

    credential = mailgun.credential
    async with anyio.create_task_group() as tasks:
        for name, url in urls.items():
            tasks.start_soon(measure, name, url)
    chosen = next(name for name, url in urls.items() if url == own)
    return [*findings, _regions(chosen, {name: taken.get(name) for name in urls})]


def _automations(setup: Setup, automations: Access) -> Finding:
    milliseconds = _milliseconds(automations.latency or 0.0)
    shown = setup.automations_url or ""
    return ok(Area.LATENCY, f"Automations API, first request: {milliseconds} ms ({shown}).", milliseconds=milliseconds)


def _regions(chosen: str, taken: dict[str, float | None]) -> Finding:
    shown = ", ".join(
        f"{name} {'no response' if seconds is None else f'{_milliseconds(seconds)} ms'}"
        for name, seconds in taken.items()
    )
    details = {name: None if seconds is None else _milliseconds(seconds) for name, seconds in taken.items()}
    message = f"Mailgun-compatible API: {shown}" + (f"; in use: {chosen}." if len(taken) > 1 else ".")
    fastest = min(taken, key=lambda name: taken[name] or float("inf"))
    here, there = taken[chosen], taken[fastest]
    if there is not None and (here is None or there < WORTHWHILE * here):
        hint = f"Set OMNIVERY_REGION={fastest} to enter there. Data stays in the domain's own region either way."
        return note(Area.LATENCY, message, hint, milliseconds=details)
    return ok(Area.LATENCY, message, milliseconds=details)


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 1)
