"""Credentials: secrets that are sent as one header field, and that nothing else shows."""

from __future__ import annotations

from base64 import b64encode
from typing import NoReturn

from omnivery.errors import ConfigError


class Credential:
    """A secret that is sent as one header field. No repr, dump, copy or pickle of it or of its client shows it.

    Not an attrs class: `attrs.asdict` of a client's configuration must not lead into it.
    """

    __slots__ = ("header", "secrets")

    header: tuple[str, str]
    """Name and value of the header field."""
    secrets: tuple[str, ...]
    """The texts that must not be shown to anybody."""

    def __eq__(self, other: object) -> bool:
        return self.header == other.header if isinstance(other, Credential) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.header)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is not copied or pickled: a key must not leave its process")


class BasicKey(Credential):
    """HTTP Basic authentication (RFC 7617) with the user name `api`, as the Mailgun-compatible API expects it.

    Raises:
        ConfigError: the key is empty, or not a valid header value.
    """

    __slots__ = ()

    def __init__(self, *, key: str) -> None:
        encoded = b64encode(f"api:{_checked(key)}".encode()).decode()
        self.header: tuple[str, str] = ("authorization", f"Basic {encoded}")
        self.secrets: tuple[str, ...] = (key, encoded)


class TokenHeader(Credential):
    """A token in its own header field, such as `ov-token`.

    Raises:
        ConfigError: the token is empty, or not a valid header value.
    """

    __slots__ = ()

    def __init__(self, *, name: str, token: str) -> None:
        self.header: tuple[str, str] = (name, _checked(token))
        self.secrets: tuple[str, ...] = (token,)


def _checked(secret: object) -> str:
    if (
        isinstance(secret, str)
        and secret
        and secret.isascii()
        and secret.isprintable()
        and not set(" \"'") & set(secret)
    ):
        return secret
    raise ConfigError(
        "the key or token is empty, or contains spaces, quotes, line breaks or other characters that no key has: "
        "copy it again, without quotes"
    )
