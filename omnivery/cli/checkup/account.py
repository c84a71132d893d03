"""Keys: whether each API accepts its own, what kind of key it is, and where it belongs if it does not."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import field, frozen

from omnivery.automations.account import TEST, AuthInfo
from omnivery.automations.config import TOKEN_FIELD
from omnivery.cli.checkup.finding import Area, Finding, note, ok, problem, warning
from omnivery.cli.checkup.probe import Probe, Prober
from omnivery.cli.checkup.reach import explain_response, explain_silence
from omnivery.cli.checkup.setup import AUTOMATIONS_URL, MAILGUN_URL, Setup, is_loopback
from omnivery.cli.surface import API_KEY, SENDING_KEY, TOKEN
from omnivery.mailgun.bounces import LIST as BOUNCES
from omnivery.mailgun.domains import LIST as DOMAINS
from omnivery.transport.credentials import BasicKey, Credential, TokenHeader

REFUSED = (401, 403)
"""Statuses by which a server refuses a key."""
SHOWN = 5
"""Most names in a sentence."""


@frozen(kw_only=True)
class Access:
    """What was found out about the keys of one API."""

    findings: tuple[Finding, ...] = ()
    credential: Credential | None = None
    """One that is accepted."""
    domains: tuple[str, ...] = ()
    """Names of domains that it sees."""
    latency: float | None = field(default=None)
    """Seconds of one request."""


async def check_automations(prober: Prober, setup: Setup) -> Access:
    """Try the token on the Automations API."""
    if setup.token is None or setup.automations_url is None:
        return Access(findings=tuple(_without(Area.AUTOMATIONS, setup.automations_url, TOKEN)))
    credential, url = TokenHeader(name=TOKEN_FIELD, token=setup.token), setup.automations_url
    probe = await prober.call(url, TEST, credential)
    if probe.status in REFUSED:
        elsewhere = await _is_mailgun_key(prober, setup, setup.token)
        return Access(findings=(_refused(Area.AUTOMATIONS, probe, TOKEN, url, elsewhere),))
    if (found := _trouble(Area.AUTOMATIONS, probe, url, AUTOMATIONS_URL)) is not None:
        return Access(findings=(found,))
    owner = probe.read(TEST)
    if owner is None:
        return Access(findings=(explain_response(Area.AUTOMATIONS, probe, url, AUTOMATIONS_URL),))
    domains = (owner.domain,) if owner.domain else ()
    findings = tuple(_owned(owner, setup))
    return Access(findings=findings, credential=credential, domains=domains, latency=probe.elapsed)


def _owned(owner: AuthInfo, setup: Setup) -> Iterator[Finding]:
    kind = f"a {owner.role} token" if owner.role else "a token"
    of = f" of the domain {owner.domain}" if owner.domain else " of the account"
    message = f"{TOKEN} is accepted: {kind}{of}."
    yield ok(Area.AUTOMATIONS, message, role=owner.role, domain=owner.domain)
    if owner.domain and setup.domain and owner.domain.lower() != setup.domain.lower():
        message = f"{TOKEN} is of {owner.domain}, and OMNIVERY_DOMAIN is {setup.domain}."
        yield warning(Area.AUTOMATIONS, message, f"Set OMNIVERY_DOMAIN={owner.domain}, or the other domain's token.")


async def check_mailgun(prober: Prober, setup: Setup) -> Access:
    """Try each key on the Mailgun-compatible API, and find out its kind."""
    url, keys = setup.mailgun_url, setup.mailgun_keys
    if url is None or not keys:
        return Access(findings=tuple(_without(Area.MAILGUN, url, f"{API_KEY} or {SENDING_KEY}")))
    findings: list[Finding] = []
    access = Access()
    for name, key in keys.items():
        credential = BasicKey(key=key)
        probe = await prober.call(url, DOMAINS, credential, query={"limit": "100"})
        if probe.status in REFUSED:
            findings.append(_refused(Area.MAILGUN, probe, name, url, await _is_token(prober, setup, key)))
            continue
        page = probe.read(DOMAINS) if probe.status == 200 else None  # noqa: PLR2004
        if page is None:
            trouble = _trouble(Area.MAILGUN, probe, url, MAILGUN_URL)
            findings.append(trouble or explain_response(Area.MAILGUN, probe, url, MAILGUN_URL))
            break  # the other key would meet the same
        domains = tuple(domain.name for domain in page.items if domain.name)
        # One that the key sees: of another, the response says nothing about the key.
        own = setup.domain if setup.domain in domains or not domains else domains[0]
        findings.append(await _kind(prober, url, name, credential, own))
        if access.credential is None:
            access = Access(credential=credential, domains=domains, latency=probe.elapsed)
    return Access(
        findings=tuple(findings), credential=access.credential, domains=access.domains, latency=access.latency
    )


async def _kind(prober: Prober, url: str, name: str, credential: Credential, domain: str | None) -> Finding:
    """Find out a key's kind by a list that only a primary key may read."""
    if domain is None:
        message = f"{name} is accepted. Of which kind it is shows only with a domain."
        return note(Area.MAILGUN, message, "Set OMNIVERY_DOMAIN.", kind=None)
    status = (await prober.call(url, BOUNCES, credential, query={"limit": "1"}, domain=domain)).status
    if status in REFUSED:
        message = f"{name} is accepted: a sending key."
        if name == SENDING_KEY:
            return ok(Area.MAILGUN, message, kind="sending")
        hint = f"Set it as {SENDING_KEY}, and {API_KEY} to the account's primary key: lists and domains need that one."
        return warning(Area.MAILGUN, message, hint, kind="sending")
    if status != 200:  # noqa: PLR2004
        message = f"{name} is accepted. Its kind could not be found out ({status})."
        return note(Area.MAILGUN, message, "Run this again later.", kind=None)
    message = f"{name} is accepted: the account's primary key."
    if name == API_KEY:
        return ok(Area.MAILGUN, message, kind="primary")
    hint = f"Set it as {API_KEY}, and {SENDING_KEY} to a key of the domain: that one can do less harm."
    return warning(Area.MAILGUN, message, hint, kind="primary")


def _without(area: Area, url: str | None, names: str) -> Iterator[Finding]:
    if url is not None:
        yield note(area, f"Not tried: {names} is not set.", "Set it if you use this API.")


def _trouble(area: Area, probe: Probe, url: str, variable: str) -> Finding | None:
    if probe.error is not None:
        return explain_silence(area, probe, url, variable)
    return None if probe.status == 200 else explain_response(area, probe, url, variable)  # noqa: PLR2004


def _refused(area: Area, probe: Probe, name: str, url: str, elsewhere: bool) -> Finding:  # noqa: FBT001  # a result
    if elsewhere:
        right, api = (API_KEY, "Mailgun-compatible") if area is Area.AUTOMATIONS else (TOKEN, "Automations")
        message = f"{name} is refused here ({probe.status}), and accepted by the {api} API."
        return problem(area, message, f"Set it as {right}, and {name} to a key of this API.", belongs_to=right)
    if probe.status == 403:  # noqa: PLR2004
        message = f"{name} is refused (403): the key is known, and not allowed to do this from here."
        hint = "In the web interface, under API keys, look for which networks and for what it is allowed."
        return problem(area, message, hint)
    message = f"{name} is refused (401): the server does not know this key."
    hint = "Copy it again from the web interface, or make a new one; it may be deleted, or another account's."
    if is_loopback(url):
        hint = "Each run of the emulator has keys of its own, unless it has --seed or --db: export them again."
    return problem(area, message, hint)


async def _is_mailgun_key(prober: Prober, setup: Setup, key: str) -> bool:
    # A key is shown to another server only if that is its owner's, too.
    if setup.mailgun_url is None or not setup.is_one_owner:
        return False
    return (await prober.call(setup.mailgun_url, DOMAINS, BasicKey(key=key), query={"limit": "1"})).status == 200  # noqa: PLR2004


async def _is_token(prober: Prober, setup: Setup, key: str) -> bool:
    if setup.automations_url is None or not setup.is_one_owner:
        return False
    credential = TokenHeader(name=TOKEN_FIELD, token=key)
    return (await prober.call(setup.automations_url, TEST, credential)).status == 200  # noqa: PLR2004
