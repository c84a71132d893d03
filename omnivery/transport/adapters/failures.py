"""What is said of a failure, whichever HTTP library met it."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus

from omnivery.errors import ConfigError, phrase

URL_INVALID = "the URL is not valid"
REQUEST_INVALID = "the request is not valid HTTP: check its header fields"
WRITE_TIMED_OUT = "the request could not be sent within the write timeout"
READ_TIMED_OUT = "no response came within the read timeout"
LONGEST_EXCHANGE = 600.0
"""Seconds that a request of bulk work without a deadline may be under way: each byte of a response starts the read
timeout anew, so that a server which sends one now and then would hold up a run for good."""
TOO_LONG = f"no complete response came within {LONGEST_EXCHANGE:.0f} s"
CONNECTION_CLOSED = "the server closed the connection before the response was complete"
NOT_HTTP = "the server's response is not HTTP"
CODING_DAMAGED = "the response's content coding is damaged"
CERTIFICATE_ALERTS = ("certificate required", "bad certificate", "certificate unknown", "unknown ca")
"""Ends of OpenSSL's names for the alerts by which a server refuses the certificate of its client (RFC 8446, 6.2)."""


def client_closed() -> ConfigError:
    """Return the error for a client that is used after its end."""
    return ConfigError("this client is closed: create a new one, or keep `async with` open around its use")


def in_another_loop() -> ConfigError:
    """Return the error for a client that is used in another event loop than its connections."""
    return ConfigError(
        "this client has connections in another event loop, which may have ended: create one client for each event "
        "loop, inside the function that you pass to asyncio.run() or anyio.run()"
    )


def causes(error: BaseException | None, seen: set[int] | None = None) -> Iterator[BaseException]:
    """Iterate over an exception and everything that it was raised from."""
    seen = set() if seen is None else seen
    # respx raises errors that are their own cause.
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from causes(member, seen)
        error = error.__cause__ or error.__context__


def is_unreachable(error: BaseException) -> bool:
    """Whether the host is not known or refused the connection, so that a wrong URL is likely."""
    return any(isinstance(cause, socket.gaierror | ConnectionRefusedError) for cause in causes(error))


def is_untrusted(error: BaseException) -> bool:
    """Whether the certificate of the server was refused, or the server refused that of the client."""
    return is_client_refused(error) or any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes(error))


def is_client_refused(error: BaseException) -> bool:
    """Whether the server ended the TLS handshake because of the client's certificate, or because it has none.

    In TLS 1.3 that is known only after the request was written. The server does not read it before the certificate.
    """
    return any(_reason(cause).endswith(CERTIFICATE_ALERTS) for cause in causes(error))


def _reason(error: BaseException) -> str:
    """Return OpenSSL's word for an error of TLS, such as `certificate has expired`; an empty text for other errors."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(getattr(error, "verify_message", "")).rstrip(".")
    # An exception that an HTTP library has made itself has no reason.
    found = getattr(error, "reason", None) if isinstance(error, ssl.SSLError) else None
    return str(found or "").lower().replace("_", " ")


def _because(error: BaseException) -> str:
    reason = next(filter(None, map(_reason, causes(error))), "")
    return f" ({reason})" if reason else ""


def host_and_port(host: str, port: int | None) -> str:
    """Return what names a server or a proxy in an error."""
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def untrusted(error: BaseException, peer: str | None) -> str:
    """Return the text for a certificate that was refused."""
    if is_client_refused(error):
        return (
            f"the server wants a client certificate that it trusts{_because(error)}: pass verify=<your SSLContext>, "
            "with load_cert_chain()"
        )
    host = f" {peer}" if peer else ""
    return (
        f"the server's certificate could not be verified{_because(error)}: check the host{host} and this machine's "
        "clock, or pass verify=<your SSLContext>"
    )


def connection_broke(error: BaseException) -> str:
    """Return the text for a connection that broke after the request had begun to be sent."""
    return f"the connection broke while the response was awaited{_because(error)}"


def no_connection(error: BaseException, peer: str | None) -> str:
    """Return the text for a connection that could not be made, with the reason and what to check."""
    where, found = f" to {peer}" if peer else "", [*causes(error)]
    for kind, words in (
        (socket.gaierror, ": the host name is not known; check the URL"),
        (ConnectionRefusedError, ": connection refused; check the URL, or whether the server runs"),
        (ssl.SSLError, f": TLS failed{_because(error)}; check whether the URL has the right scheme and port"),
        (ConnectionError, ": the server closed it at once; check whether the URL has the right scheme and port"),
    ):
        if any(isinstance(cause, kind) for cause in found):
            return f"no connection could be made{where}{words}"
    # No descriptor left, no route, no permission: the system's text has no URL in it, the exception's may have one.
    number = next((cause.errno for cause in found if isinstance(cause, OSError) and cause.errno), None)
    return f"no connection could be made{where}{f': {os.strerror(number)}' if number else ''}"


PROXY_FINAL: dict[int, str] = {
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "; check the user name and the password in its URL",
    HTTPStatus.FORBIDDEN: "; check whether it may connect to this host",
}
"""Statuses of a proxy that it would send again, and what to do about each."""


def proxy_refused(status: int | None) -> str:
    """Return the text for a proxy that would not connect to the server.

    Args:
        status: the status of its response, if that is known.
    """
    if status is None:
        return "the proxy refused the connection"
    return f"the proxy refused the connection: {status} {phrase(status)}{PROXY_FINAL.get(status, '')}"
