"""What a Mailgun client is set up with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import frozen

from omnivery.errors import ConfigError
from omnivery.transport.client import ClientConfig
from omnivery.transport.config import (
    BasicKey,
    Credential,
    base_address,
    from_environment,
)
from omnivery.transport.operation import KeyKind

if TYPE_CHECKING:
    from omnivery.transport.operation import Operation

Region: TypeAlias = Literal["global", "eu", "us"]
"""Where requests enter the service. Data stays where the domain keeps it, and each key works on every entry."""

REGIONS = {
    "global": "https://mg-api.omnivery.net/v3",
    "eu": "https://eu.mg-api.omnivery.net/v3",
    "us": "https://us.mg-api.omnivery.net/v3",
}


@frozen(kw_only=True)
class MailgunConfig(ClientConfig):
    """What a Mailgun client was set up with: at least one of the two keys."""

    api_key: BasicKey | None = None
    sending_key: BasicKey | None = None

    def credential(self, operation: Operation[Any]) -> Credential:
        """The key that the operation takes.

        Raises:
            ConfigError: it takes the account's primary key alone, and there is none.
        """
        # 1. Nothing else will do. A key in `api_key` is taken to be what the operation needs: the server knows better.
        if operation.key is KeyKind.PRIMARY:
            chosen = self.api_key
        # 2. The sending key where it may be used: it can do less harm.
        elif operation.key in {KeyKind.SENDING, KeyKind.EITHER}:
            chosen = self.sending_key or self.api_key
        # 3. The primary key where any will do: it sees every domain.
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
        ConfigError: it cannot stand in a header.
    """
    return None if key is None else BasicKey(key=key)


def resolve_base_url(region: str | None, base_url: str | None) -> str:
    """Return the URL that paths are appended to: the argument, the environment's, or the region's.

    Raises:
        ConfigError: both are given, the region is unknown, or the URL is not one that paths can be appended to.
    """
    if region is not None and base_url is not None:
        raise ConfigError("region and base_url: each names the server, pass one of them. Nothing was sent.")
    # The address in the environment leads a program elsewhere, mostly to the emulator: no region may lead it back.
    address = from_environment(base_url, "OMNIVERY_MAILGUN_URL")
    entry = from_environment(region, "OMNIVERY_REGION") or "global"
    if entry not in REGIONS:
        raise ConfigError(f"region: there are {', '.join(REGIONS)}, not {entry!r}. Nothing was sent.")
    return base_address(REGIONS[entry] if address is None else address)
