"""Credentials: what proves to the server who is calling. Their reprs hide the secret."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Protocol

from attrs import Attribute, field, frozen

from omnivery.errors import ConfigError


class Credential(Protocol):
    """Anything that turns into a header field."""

    def header(self) -> tuple[str, str]:
        """Name and value of the header field that carries the credential."""
        ...


def _printable(_instance: object, _attribute: Attribute[Any], secret: str) -> None:
    if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ConfigError(
            "the key or token is empty, or holds blanks, line breaks or other characters that none has: "
            "copy it again, without quotes"
        )


@frozen(kw_only=True)
class BasicKey:
    """HTTP Basic authentication (RFC 7617) as the Mailgun-compatible API wants it: user name `api`."""

    key: str = field(repr=False, validator=_printable)

    def header(self) -> tuple[str, str]:
        """The `Authorization` field."""
        return "authorization", "Basic " + b64encode(f"api:{self.key}".encode()).decode()


@frozen(kw_only=True)
class TokenHeader:
    """A token in a header field of its own, such as `ov-token`."""

    name: str
    token: str = field(repr=False, validator=_printable)

    def header(self) -> tuple[str, str]:
        """The field."""
        return self.name, self.token
