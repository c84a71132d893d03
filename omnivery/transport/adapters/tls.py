"""TLS contexts of our own connections."""

from __future__ import annotations

import os
import ssl
from functools import cache
from pathlib import Path

from omnivery.errors import ConfigError


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
def unverified_context() -> ssl.SSLContext:
    """Return the shared context that verifies nothing, for `verify=False`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@cache
def default_context() -> ssl.SSLContext:
    """Return the shared context, which takes 20 ms to create. SSL_CERT_FILE and SSL_CERT_DIR are honoured.

    It is the one that `httpx.create_ssl_context` creates, so that all adapters trust the same authorities.

    Raises:
        ConfigError: one of these variables, or SSLKEYLOGFILE, names what does not exist or cannot be used.
    """
    import certifi  # httpx requires it

    variable = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), None)
    path = os.environ[variable] if variable else certifi.where()
    try:
        if variable == "SSL_CERT_DIR":
            _check_folders(path)
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        log = os.environ.get("SSLKEYLOGFILE")
        if log and error.filename == log:
            raise ConfigError(
                f"SSLKEYLOGFILE: {log!r} cannot be written: {error.strerror}. Nothing was sent."
            ) from error
        name = variable or "certifi"
        raise ConfigError(f"{name}: no certificates can be read from {path!r}. Nothing was sent.") from error


def _check_folders(paths: str) -> None:
    """Raise FileNotFoundError if none of the folders has a file. OpenSSL takes any, and then trusts nobody."""
    folders = [Path(one) for one in paths.split(os.pathsep)]
    if not any(one.is_dir() and any(one.iterdir()) for one in folders):
        raise FileNotFoundError(paths)
