"""The settings that both clients have, with arguments and environment variables resolved."""

from __future__ import annotations

import platform
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import Attribute, field, frozen

from omnivery._version import __version__
from omnivery.errors import ConfigError
from omnivery.transport.config import RetryPolicy, Timeouts, instance_of, valid_domain

if TYPE_CHECKING:
    from omnivery.transport.credentials import Credential
    from omnivery.transport.operation import Operation


def _domain_or_nothing(_instance: object, _attribute: Attribute[Any], domain: str | None) -> None:
    # The first call that needs a domain refuses an empty text.
    if domain:
        valid_domain(domain)


@frozen(kw_only=True)
class ClientConfig(ABC):
    """A client's settings, with arguments and environment variables resolved."""

    base_url: str
    """URL that paths are appended to, without a trailing slash."""
    domain: str | None = field(default=None, validator=_domain_or_nothing)
    """The sending domain, for operations whose path has one."""
    timeouts: Timeouts = field(factory=Timeouts, validator=instance_of(Timeouts))
    """Timeouts of each attempt."""
    retry: RetryPolicy = field(factory=RetryPolicy, validator=instance_of(RetryPolicy))
    """When to retry."""
    user_agent: str = ""
    """Value of the User-Agent header."""
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    """Further header fields of every request."""

    @abstractmethod
    def credential(self, operation: Operation[Any]) -> Credential:
        """Return the credential for an operation.

        Raises:
            ConfigError: the client has no credential of the kind that the operation needs.
        """


def user_agent(suffix: str | None) -> str:
    """Return the User-Agent header: the SDK's version, Python's version and the caller's suffix.

    Raises:
        ConfigError: the suffix is not printable ASCII.
    """
    if suffix is not None and not (suffix.isascii() and suffix.isprintable()):
        raise ConfigError("user_agent_suffix: must be printable ASCII, because it is sent in a header")
    own = f"omnivery-python/{__version__} python/{platform.python_version()}"
    return f"{own} {suffix}" if suffix else own
