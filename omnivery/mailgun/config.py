"""Configuration of a Mailgun client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from attrs import frozen

from omnivery.errors import ConfigError
from omnivery.transport.client_config import ClientConfig
from omnivery.transport.config import (
    from_environment,
    origin,
    valid_base_url,
)
from omnivery.transport.credentials import BasicKey, Credential
from omnivery.transport.operation import KeyKind

if TYPE_CHECKING:
    from omnivery.transport.operation import Operation

Region: TypeAlias = Literal["global", "eu", "us"]
"""Entry point for requests. Data stays in the domain's own region, and each key works on every entry point."""

REGIONS = {
    "global": "https://mg-api.omnivery.net/v3",
    "eu": "https://eu.mg-api.omnivery.net/v3",
    "us": "https://us.mg-api.omnivery.net/v3",
}


@frozen(kw_only=True)
class MailgunConfig(ClientConfig):
    """Configuration of a Mailgun client, with at least one of the two keys."""

    api_key: BasicKey | None = None
    sending_key: BasicKey | None = None

    def credential(self, operation: Operation[Any]) -> Credential:
        """Return the key for an operation.

        Raises:
            ConfigError: the operation takes only the account's primary key, and there is none.
        """
        # 1. Only the primary key. A sending key that was passed as `api_key` is sent, too: the server decides.
        if operation.key is KeyKind.PRIMARY:
            chosen = self.api_key
        # 2. The sending key where it may be used: it can do the least harm.
        elif operation.key in {KeyKind.SENDING, KeyKind.EITHER}:
            chosen = self.sending_key or self.api_key
        # 3. The primary key where the page names no restriction: it sees every domain.
        else:
            chosen = self.api_key or self.sending_key
        if chosen is None:
            raise ConfigError(
                f"{operation.name} takes the account's primary key: pass api_key=… or set OMNIVERY_API_KEY. "
                "Nothing was sent."
            )
        return chosen


def basic_key(key: str | None) -> BasicKey | None:
    """Return a key as a credential, or None if there is none.

    Raises:
        ConfigError: it is not a valid header value.
    """
    return None if key is None else BasicKey(key=key)


def resolve_base_url(region: str | None, base_url: str | None) -> str:
    """Return the URL that paths are appended to: the argument, the environment's, or the region's.

    Raises:
        ConfigError: both are given, the region is unknown, or the URL is not one that paths can be appended to.
    """
    if region is not None and base_url is not None:
        raise ConfigError("region and base_url: each names the server, pass one of them. Nothing was sent.")
    # The environment's URL redirects a program, mostly to the emulator: a region must not send it to the service.
    url = from_environment(base_url, "OMNIVERY_MAILGUN_URL")
    entry = from_environment(region, "OMNIVERY_REGION")
    entry = "global" if entry is None else entry.strip().lower()
    if entry not in REGIONS:
        named = origin(region, "region", "OMNIVERY_REGION")
        raise ConfigError(f"{named}: expected one of {', '.join(REGIONS)}, not {entry!r}. Nothing was sent.")
    if url is None:
        return REGIONS[entry]
    return _with_version(valid_base_url(url, argument=origin(base_url, "base_url", "OMNIVERY_MAILGUN_URL")))


def _with_version(url: str) -> str:
    """Add `/v3` to a URL that is only a host, which is the form that Mailgun's own SDK takes."""
    return url if urlsplit(url).path else f"{url}/v3"
