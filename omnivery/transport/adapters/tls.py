"""TLS contexts and proxies of our own connections."""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import Any

import httpx
from attrs import Attribute

from omnivery.errors import ConfigError


def usable_proxy(_instance: object, _attribute: Attribute[Any], proxy: str | None) -> None:
    """Check, as an attrs validator, that the proxy's URL can be used.

    Raises:
        ConfigError: the URL is invalid, or support for its scheme is not installed.
    """
    if proxy is None:
        return
    try:
        httpx.AsyncHTTPTransport(proxy=proxy, verify=untrusting_context(), trust_env=False)
    except (ValueError, httpx.InvalidURL):
        raise ConfigError("proxy: expected a URL such as http://host:port or socks5://host:port") from None
    except ImportError:
        raise ConfigError("proxy: SOCKS needs another package: pip install 'httpx[socks]'") from None


def tls(*, secure: bool, proxy: str | None, verify: ssl.SSLContext | bool) -> ssl.SSLContext | bool:
    """Return the `verify` argument of a connection."""
    # A connection for plain http needs no authorities, and is never used for https.
    if not (secure or proxy):
        return untrusting_context()
    return default_context() if verify is True else verify


@cache
def untrusting_context() -> ssl.SSLContext:
    """Return a context that trusts nobody, for plain http. Without it httpx creates one a connection, at 10 ms each."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def default_context() -> ssl.SSLContext:
    """Return the shared context, which takes 20 ms to create. SSL_CERT_FILE and SSL_CERT_DIR are honoured.

    Raises:
        ConfigError: one of these variables names a file that does not exist, or is not a certificate.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        variable = "SSL_CERT_FILE" if os.environ.get("SSL_CERT_FILE") else "SSL_CERT_DIR"
        path = os.environ.get(variable)
        raise ConfigError(f"{variable}: no certificates can be read from {path!r}. Nothing was sent.") from error
