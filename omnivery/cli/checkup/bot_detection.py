"""Bot detection: the service enables it for each domain by hand."""

from __future__ import annotations

from omnivery.automations.bots import SUBMIT_BATCH
from omnivery.cli.checkup.account import Access
from omnivery.cli.checkup.finding import Area, Finding, note
from omnivery.cli.checkup.probe import Prober
from omnivery.cli.checkup.setup import Setup

NOTHING = b'{"events": []}'
"""A batch without an event and without a webhook: it is refused, or does nothing."""


async def check_bot_detection(prober: Prober, setup: Setup, automations: Access) -> list[Finding]:
    """Find out whether it is enabled for the domain: 402 says that it is not (documented)."""
    domain = setup.domain or next(iter(automations.domains), None)
    if automations.credential is None or setup.automations_url is None or domain is None:
        return []
    probe = await prober.call(
        setup.automations_url, SUBMIT_BATCH, automations.credential, content=NOTHING, domain=domain
    )
    if probe.status != 402:  # noqa: PLR2004
        return []  # what else it is refused for proves nothing
    message = f"Bot detection is not enabled for {domain}: submitted events are refused with 402."
    return [note(Area.AUTOMATIONS, message, "If you want it, ask the service's support to enable it.", domain=domain)]
