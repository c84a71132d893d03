"""What can happen to a message on its way to one recipient."""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class Happening:
    """One event of a message and one of its recipients."""

    event: str
    """The event's name in the payload."""
    severity: str = ""
    """`permanent` or `temporary` for a failure."""
    reason: str = ""
    """The reason of a failure."""
    code: int = 0
    """The receiving server's SMTP code, if there is one."""
    text: str = ""
    """The receiving server's text."""
    bounce_class: str = ""
    """The kind of bounce."""
    counted: str = ""
    """The detail of the statistics that counts it."""


DELIVERED = Happening(event="delivered", code=250, text="250 2.0.0 Ok: queued", counted="smtp")
HARD = Happening(
    event="failed",
    severity="permanent",
    reason="bounce",
    code=550,
    text="550 5.1.1 User unknown",
    bounce_class="bad-mailbox",
    counted="permanent.bounce",
)
SOFT = Happening(
    event="failed",
    severity="temporary",
    reason="espblock",
    code=451,
    text="451 4.7.1 Please try again later",
    bounce_class="blocked",
    counted="temporary.espblock",
)
OPENED, CLICKED = Happening(event="opened"), Happening(event="clicked")
COMPLAINED, UNSUBSCRIBED = Happening(event="complained"), Happening(event="unsubscribed")
ACCEPTED, REJECTED = Happening(event="accepted"), Happening(event="rejected")
