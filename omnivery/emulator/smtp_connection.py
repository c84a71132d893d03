"""A connection to an SMTP server, and what its failures mean."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Sequence
from contextlib import suppress

from attrs import frozen

from omnivery.errors import ConfigError

TIMEOUT = 10.0
"""Seconds that the server has to respond."""
TEMPORARY = range(400, 500)
"""Replies after which another attempt may succeed (RFC 5321, section 4.2.1)."""
LONGEST_REPLY = 200
"""Most characters of a reply that are shown."""


@frozen(kw_only=True)
class SmtpServer:
    """Where to pass messages on to."""

    host: str
    """Host name or IP address."""
    port: int
    """The port."""

    @classmethod
    def parse(cls, text: str) -> SmtpServer:
        """Read `HOST:PORT`.

        Raises:
            ConfigError: it is not of this form.
        """
        match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\s/@\[\]]+)):([0-9]{1,5})", text.strip())
        if match is None or not 0 < int(match[3]) < 2**16:
            raise ConfigError(f"smtp {text!r} is not of the form HOST:PORT, such as 127.0.0.1:1025 or [::1]:1025")
        return cls(host=match[1] or match[2], port=int(match[3]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@frozen(kw_only=True)
class SmtpFailure:
    """Why a message was not passed on."""

    text: str
    """The server's reply, or what else went wrong."""
    is_temporary: bool
    """Whether another attempt may succeed."""
    status: int | None = None
    """Code of the server's reply; None if there was none."""


def failure_of(error: Exception) -> SmtpFailure:
    """Say what an exception of `SmtpConnection.send`, or of making the message, means."""
    # 1. All recipients were refused; their replies rarely differ.
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        status, reply = next(iter(error.recipients.values()))
        return _refusal(status, reply)
    # 2. Another refusal.
    if isinstance(error, smtplib.SMTPResponseException):
        return _refusal(error.smtp_code, error.smtp_error)
    # 3. An extension that the server lacks.
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return SmtpFailure(text=str(error), is_temporary=False)
    # 4. No connection, no response in time, or an end of the connection.
    if isinstance(error, smtplib.SMTPException | OSError):
        text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return SmtpFailure(text=text or type(error).__name__, is_temporary=True)
    # 5. A message of which no MIME text can be made.
    return SmtpFailure(text=f"no MIME text could be made: {type(error).__name__}", is_temporary=False)


def _refusal(status: int, reply: bytes | str) -> SmtpFailure:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return SmtpFailure(text=" ".join(text.split())[:LONGEST_REPLY], is_temporary=status in TEMPORARY, status=status)


class SmtpConnection:
    """A connection that is made when it is needed.

    Args:
        server: where to.
    """

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._open: smtplib.SMTP | None = None

    def send(self, sender: str, recipients: Sequence[str], text: bytes) -> int:
        """Send a message, and return how many of its recipients the server refused.

        Raises:
            SMTPException: the server refused the message, or all recipients.
            OSError: there is no connection.
        """
        connection = self._open or self._connect()
        options = ["BODY=8BITMIME"] if not text.isascii() and connection.has_extn("8bitmime") else []
        if not all(address.isascii() for address in (sender, *recipients)):
            options.append("SMTPUTF8")
        return len(connection.sendmail(sender, recipients, text, options))

    def close(self) -> None:
        """End the connection, if there is one."""
        connection, self._open = self._open, None
        if connection is not None:
            with suppress(OSError, smtplib.SMTPException):
                connection.quit()
            connection.close()

    def _connect(self) -> smtplib.SMTP:
        # With a name, smtplib does not ask DNS for this machine's.
        connection = smtplib.SMTP(self._server.host, self._server.port, local_hostname="localhost", timeout=TIMEOUT)
        self._open = connection
        connection.ehlo_or_helo_if_needed()
        return connection
