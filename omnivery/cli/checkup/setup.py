"""The settings in the environment: what is set, and whether each can be what it is meant to be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from attrs import field, frozen

from omnivery.automations.config import BASE_URL
from omnivery.automations.config import resolve_base_url as automations_url
from omnivery.cli.checkup.finding import Area, Finding, note, ok, problem, warning
from omnivery.cli.surface import API_KEY, SENDING_KEY, TOKEN, WHERE_FROM
from omnivery.errors import ConfigError
from omnivery.mailgun.config import REGIONS
from omnivery.mailgun.config import resolve_base_url as mailgun_url
from omnivery.transport.config import valid_domain, valid_url
from omnivery.transport.credentials import BasicKey

SIGNING_KEY, DOMAIN, WEBHOOK_URL = "OMNIVERY_SIGNING_KEY", "OMNIVERY_DOMAIN", "OMNIVERY_WEBHOOK_URL"
AUTOMATIONS_URL, MAILGUN_URL, REGION = "OMNIVERY_AUTOMATIONS_URL", "OMNIVERY_MAILGUN_URL", "OMNIVERY_REGION"
PURPOSES = {
    TOKEN: "the Automations API's token",
    API_KEY: "the account's primary key",
    SENDING_KEY: "a domain's sending key",
    SIGNING_KEY: "the key that signs webhook calls",
}
"""Secrets by their environment variable."""


@frozen(kw_only=True)
class Setup:
    """The settings that can be used; what cannot be is None, and has a finding."""

    token: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    sending_key: str | None = field(default=None, repr=False)
    signing_key: str | None = field(default=None, repr=False)
    domain: str | None = None
    webhook_url: str | None = field(default=None, repr=False)
    automations_url: str | None = BASE_URL
    mailgun_url: str | None = REGIONS["global"]

    @property
    def mailgun_keys(self) -> dict[str, str]:
        """Keys of the Mailgun-compatible API by their environment variable."""
        keys = {API_KEY: self.api_key, SENDING_KEY: self.sending_key}
        return {name: key for name, key in keys.items() if key}

    @property
    def is_one_owner(self) -> bool:
        """Whether both APIs are the service's, or of one host: a key of one may be shown to the other."""
        if self.automations_url == BASE_URL:
            return self.mailgun_url in REGIONS.values()
        return urlsplit(self.automations_url or "").netloc == urlsplit(self.mailgun_url or "").netloc != ""


def read_setup(domain: str | None = None) -> tuple[Setup, list[Finding]]:
    """Read the settings from the environment.

    Args:
        domain: the sending domain, in place of the environment's.
    """
    values = {name: os.environ.get(name, "").strip() for name in PURPOSES}
    sound = {name: value for name, value in values.items() if value and _is_key(value)}
    findings = [_unsound(name) for name, value in values.items() if value and name not in sound]
    findings += _twins(sound)

    def checked(name: str, read: Callable[[], str | None]) -> str | None:
        try:
            return read()
        except ConfigError as error:
            words = str(error).removesuffix(" Nothing was sent.")
            findings.append(problem(Area.SETTINGS, f"{name} cannot be used: {words}", f"Correct {name}, or unset it."))
            return None

    setup = Setup(
        token=sound.get(TOKEN),
        api_key=sound.get(API_KEY),
        sending_key=sound.get(SENDING_KEY),
        signing_key=sound.get(SIGNING_KEY),
        domain=checked(DOMAIN, lambda: _valid(domain or os.environ.get(DOMAIN), valid_domain, "domain")),
        webhook_url=checked(WEBHOOK_URL, lambda: _valid(os.environ.get(WEBHOOK_URL), valid_url, "webhook_url")),
        automations_url=checked(AUTOMATIONS_URL, lambda: automations_url(None)),
        mailgun_url=checked(f"{MAILGUN_URL} or {REGION}", lambda: mailgun_url(None, None)),
    )
    return setup, [*_presence(sound), *findings, *_servers(setup)]


def _valid(value: str | None, check: Callable[..., str], argument: str) -> str | None:
    text = (value or "").strip()
    return check(text, argument=argument) if text else None


def _is_key(value: str) -> bool:
    try:
        BasicKey(key=value)
    except ConfigError:
        return False
    return True


def _unsound(name: str) -> Finding:
    message = f"{name} is no key: it has blanks, quotes, line breaks or characters that no key has."
    return problem(Area.SETTINGS, message, f"Set {name} again, as the web interface shows it, without quotes.")


def _presence(sound: Mapping[str, str]) -> Iterator[Finding]:
    """Say which secrets are set."""
    if not set(sound) & {TOKEN, API_KEY, SENDING_KEY}:
        yield problem(
            Area.SETTINGS, "No key is set.", f"Set {TOKEN}, {API_KEY} or {SENDING_KEY}. {WHERE_FROM}.", keys=[]
        )
        return
    named = ", ".join(f"{name} ({PURPOSES[name]})" for name in sound)
    yield ok(Area.SETTINGS, f"Set: {named}.", keys=[*sound])


def _twins(sound: Mapping[str, str]) -> Iterator[Finding]:
    """Find a signing key that is one of the others: it is never one."""
    signing = sound.get(SIGNING_KEY)
    for name in (TOKEN, API_KEY, SENDING_KEY):
        if signing and sound.get(name) == signing:
            message = f"{SIGNING_KEY} is the same as {name}, so every webhook call will be refused."
            hint = "Set it to the signing key, which the web interface shows beside the account's API keys."
            yield problem(Area.SETTINGS, message, hint)


def _servers(setup: Setup) -> Iterator[Finding]:
    for name, url, service in (
        (AUTOMATIONS_URL, setup.automations_url, BASE_URL),
        (MAILGUN_URL, setup.mailgun_url, None),
    ):
        if not url or url == service or url in REGIONS.values():
            continue
        message = f"{name} leads to {url}, and not to the service."
        yield note(Area.SETTINGS, message, f"Unset {name} to use the service.", url=url)
        if url.startswith("http:") and not is_loopback(url):
            message = f"{name} begins with http: keys and mail cross the network for everyone to read."
            yield warning(Area.SETTINGS, message, "Use https.")


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
