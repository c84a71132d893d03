"""Webhooks: whether their URLs can be reached and refuse strangers, and whether the signing key fits the account."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

import anyio

from omnivery._logging import mask_url
from omnivery.automations.webhooks import SAMPLE
from omnivery.cli.checkup.account import Access
from omnivery.cli.checkup.finding import Area, Finding, note, ok, problem, warning
from omnivery.cli.checkup.probe import Probe, Prober
from omnivery.cli.checkup.setup import SIGNING_KEY, WEBHOOK_URL, Setup, is_loopback
from omnivery.errors import phrase
from omnivery.mailgun.webhooks import LIST as WEBHOOKS
from omnivery.webhooks.explanation import explain

FROM_HERE = "Seen from this machine; the service calls from another network."
UNSIGNED = b"{}"
"""The body of a call that every receiver refuses: not signed, and no event."""
MOST = 12
"""Most URLs that are called."""


async def check_webhooks(prober: Prober, setup: Setup, mailgun: Access, automations: Access) -> list[Finding]:
    """Call each URL that is set here or at the domain, and compare the signing key with a sample."""
    urls = await _urls(prober, setup, mailgun)
    findings: dict[str, list[Finding]] = {url: [] for url in urls[:MOST]}

    async def look(url: str) -> None:
        found = await prober.send("POST", url, headers=(("content-type", "application/json"),), content=UNSIGNED)
        findings[url] += _reached(found, url, setup)

    async with anyio.create_task_group() as tasks:
        for url in findings:
            tasks.start_soon(look, url)
    key = await _check_key(prober, setup, automations)
    if not urls:
        hint = f"Set {WEBHOOK_URL} to your receiver's URL. `omnivery listen` is one, to try with."
        return [note(Area.WEBHOOK, f"No webhook is set: {WEBHOOK_URL} is not, nor has the domain one.", hint), *key]
    return [*(finding for of_url in findings.values() for finding in of_url), *key]


async def _urls(prober: Prober, setup: Setup, mailgun: Access) -> list[str]:
    urls = [setup.webhook_url] if setup.webhook_url else []
    if mailgun.credential and setup.mailgun_url and setup.domain:
        probe = await prober.call(setup.mailgun_url, WEBHOOKS, mailgun.credential, domain=setup.domain)
        page = probe.read(WEBHOOKS) if probe.status == 200 else None  # noqa: PLR2004
        urls += [url for webhook in (page.items if page else ()) for url in webhook.urls]
    return [*dict.fromkeys(urls)]


def _reached(probe: Probe, url: str, setup: Setup) -> list[Finding]:
    shown = mask_url(url)
    findings = _private(url, setup)
    if probe.response is None:
        reason = probe.error.args[0] if probe.error else "no response"
        hint = "Start the receiver, as with `omnivery listen`, and check the URL, its port and the firewall."
        return [problem(Area.WEBHOOK, f"{shown} cannot be reached: {reason}. {FROM_HERE}", hint, url=shown), *findings]
    return [_responded(probe.response.status, shown), *findings]


def _responded(status: int, shown: str) -> Finding:
    words = f"{shown} responds to an unsigned call with {status} {phrase(status)}"
    # 1. As `Receiver` does, and others that verify.
    if status in {400, 401, 403, 406, 422}:
        return ok(Area.WEBHOOK, f"{words}: a receiver is there, and refuses strangers. {FROM_HERE}", url=shown)
    # 2. It takes everything.
    if 200 <= status < 300:  # noqa: PLR2004
        hint = "Verify each call: `omnivery.webhooks.Receiver` does, and `webhooks.verify` in a framework of your own."
        message = f"{words}: it may accept calls of everyone who knows the URL."
        return warning(Area.WEBHOOK, message, hint, url=shown)
    # 3. Another place than the receiver's.
    if status in {404, 405, 410}:
        hint = "Check the path, and that it takes POST."
        return problem(Area.WEBHOOK, f"{words}: no receiver is at that path.", hint, url=shown)
    if 300 <= status < 400:  # noqa: PLR2004
        hint = "Set the URL that it leads to: the service may not follow."
        return problem(Area.WEBHOOK, f"{words}: a redirect.", hint, url=shown)
    # 4. It fails.
    hint = "Look into the receiver's log. The service repeats calls that fail, and gives up in the end."
    return problem(Area.WEBHOOK, f"{words}: the receiver, or what is in front of it, fails.", hint, url=shown)


def _private(url: str, setup: Setup) -> list[Finding]:
    """Say of a URL that only this machine or this network has, unless the server is here, too."""
    shown, is_ours = mask_url(url), is_loopback(setup.automations_url or "") or is_loopback(setup.mailgun_url or "")
    if is_ours:
        return []
    if _is_private(url):
        hint = "Put a public https URL in front, such as a tunnel's, and set that one."
        return [problem(Area.WEBHOOK, f"{shown} is of this machine or network: the service cannot call it.", hint)]
    if url.startswith("http:"):
        message = f"{shown} begins with http: everyone on the way can read and change what the service sends."
        return [warning(Area.WEBHOOK, message, "Use https: the signature does not cover the body.")]
    return []


def _is_private(url: str) -> bool:
    try:
        return not ip_address(urlsplit(url).hostname or "").is_global
    except ValueError:
        return is_loopback(url) or "." not in (urlsplit(url).hostname or "")


async def _check_key(prober: Prober, setup: Setup, automations: Access) -> list[Finding]:
    """Compare the signing key with the signature of the API's sample."""
    if setup.signing_key is None:
        hint = f"Set {SIGNING_KEY}: the web interface shows it beside the account's API keys."
        return [note(Area.WEBHOOK, f"{SIGNING_KEY} is not set, so no webhook call can be verified.", hint)]
    if automations.credential is None or setup.domain is None or setup.automations_url is None:
        return []
    url = setup.automations_url
    probe = await prober.call(url, SAMPLE, automations.credential, domain=setup.domain, type="delivered")
    samples = probe.read(SAMPLE) if probe.status == 200 else None  # noqa: PLR2004
    if not samples:
        message = f"{SIGNING_KEY} could not be tried: the API gave no sample to compare it with."
        return [note(Area.WEBHOOK, message, "Try it on a call that you have received: `omnivery verify FILE`.")]
    found = explain(samples[0].body, setup.signing_key, tolerance=None)
    if found.verified:
        return [ok(Area.WEBHOOK, f"{SIGNING_KEY} fits the signature of the API's sample.")]
    # The sample may be one that was made once for all accounts.
    message = f"{SIGNING_KEY} does not fit the signature of the API's sample: {found.message}"
    hint = "If real calls are refused, too, copy it again; `omnivery verify FILE` says why one is."
    return [warning(Area.WEBHOOK, message, hint, cause=found.cause)]
