"""All checks, in an order in which each can use what the earlier ones found out."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

import anyio

from omnivery.cli.checkup.account import Access, check_automations, check_mailgun
from omnivery.cli.checkup.bot_detection import check_bot_detection
from omnivery.cli.checkup.clock import check_clock
from omnivery.cli.checkup.domain import check_domain
from omnivery.cli.checkup.finding import Finding
from omnivery.cli.checkup.latency import check_latency
from omnivery.cli.checkup.probe import Prober
from omnivery.cli.checkup.setup import Setup, read_setup
from omnivery.cli.checkup.versions import check_versions
from omnivery.cli.checkup.webhook import check_webhooks

if TYPE_CHECKING:
    from omnivery.transport.http import Adapter


async def examine(
    adapter: Adapter, *, domain: str | None = None, clock: Callable[[], float] = time.time
) -> list[Finding]:
    """Make all checks, and return what they found. It changes nothing at the service.

    Args:
        adapter: sends the requests; it is closed in the end.
        domain: the sending domain, in place of the environment's.
        clock: returns unix seconds.
    """
    setup, findings = read_setup(domain)
    prober = Prober(adapter=adapter, clock=clock)
    async with aclosing(adapter):
        findings += await _examine_service(prober, setup)
    return [*check_versions(), *findings]


async def _examine_service(prober: Prober, setup: Setup) -> list[Finding]:
    automations, mailgun = Access(), Access()

    async def look_at_automations() -> None:
        nonlocal automations
        automations = await check_automations(prober, setup)

    async def look_at_mailgun() -> None:
        nonlocal mailgun
        mailgun = await check_mailgun(prober, setup)

    # A server that is silent takes its timeout: together they take one.
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look_at_automations)
        tasks.start_soon(look_at_mailgun)
    detection = await check_bot_detection(prober, setup, automations)
    latency = await check_latency(prober, setup, mailgun, automations)
    webhooks = await check_webhooks(prober, setup, mailgun, automations)
    found = await check_domain(prober, setup, mailgun, automations)
    clock = [check_clock(prober.samples)] if automations.findings or mailgun.findings else []
    return [*automations.findings, *detection, *mailgun.findings, *latency, *clock, *found, *webhooks]
