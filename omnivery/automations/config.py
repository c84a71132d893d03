"""Configuration of an Automations client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import Attribute, field, frozen

from omnivery.transport.client_config import ClientConfig
from omnivery.transport.config import (
    from_environment,
    origin,
    required,
    valid_base_url,
    valid_url,
)
from omnivery.transport.credentials import Credential, TokenHeader

if TYPE_CHECKING:
    from omnivery.transport.operation import Operation

BASE_URL = "https://zap-api.omnivery.net"
TOKEN_FIELD = "ov-token"  # noqa: S105  # the name of the header field, not a token


def _url_or_nothing(_instance: object, _attribute: Attribute[Any], url: str | None) -> None:
    # An empty text is found by the first submission.
    if url:
        valid_url(url, argument="webhook_url")


@frozen(kw_only=True)
class AutomationsConfig(ClientConfig):
    """Configuration of an Automations client."""

    token: TokenHeader
    webhook_url: str | None = field(default=None, repr=False, validator=_url_or_nothing)

    def credential(self, operation: Operation[Any]) -> Credential:  # noqa: ARG002  # one token serves every operation
        """The token."""
        return self.token


def token_header(token: str | None) -> TokenHeader:
    """Return the header field that carries the token.

    Raises:
        ConfigError: there is no token, or it is not a valid header value.
    """
    found = required(token, argument="token", variable="OMNIVERY_TOKEN", purpose="token")
    return TokenHeader(name=TOKEN_FIELD, token=found)


def resolve_base_url(base_url: str | None) -> str:
    """Return the URL that paths are appended to: the argument, the environment's, or the service's.

    Raises:
        ConfigError: it is not a URL that paths can be appended to.
    """
    url = from_environment(base_url, "OMNIVERY_AUTOMATIONS_URL")
    # An empty text is the caller's mistake: falling back to the default would send test traffic to the service.
    named = origin(base_url, "base_url", "OMNIVERY_AUTOMATIONS_URL")
    return valid_base_url(BASE_URL if url is None else url, argument=named)
