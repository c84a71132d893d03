"""Counts of messages that were to be passed on to an SMTP server."""

from __future__ import annotations

from attrs import define


@define(kw_only=True)
class SmtpStatistics:
    """Counts of messages to pass on. A message with recipient variables counts once for each recipient."""

    passed_on: int = 0
    """Accepted by the SMTP server."""
    failed: int = 0
    """Refused by the server, or given up after several attempts."""
    dropped: int = 0
    """Not tried, because too many messages were waiting, or the emulator stopped."""
    waiting: int = 0
    """Waiting for the server now."""
    last_error: str | None = None
    """Why the last one failed or was dropped."""
