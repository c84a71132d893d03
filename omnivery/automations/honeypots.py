"""Honeypots: hidden links that no human follows, which reveal programs that follow every link."""

from __future__ import annotations

import re
from html import escape
from typing import Protocol

from omnivery.automations.config import AutomationsConfig
from omnivery.transport.body import fill_path
from omnivery.transport.resource import AsyncResource


class SupportsHtml(Protocol):
    """An object that is HTML: the protocol of `markupsafe.Markup` and Django's `SafeString`."""

    def __html__(self) -> str:
        """Return the HTML."""
        ...


# Not an operation: the page lists the link among its API calls, but only mail programs request it, never a client.
# https://docs.omnivery.com/api-ref/automations-api (Bot detection, honeypot)
PATH = "/{message_id}/hclick"


class AsyncHoneypots(AsyncResource[AutomationsConfig]):
    """Honeypot links of messages. Both methods are pure functions: no request is made.

    Never request a honeypot URL yourself, not even to test it: the service would record the hit for your own IP address
    and User-Agent, and take them for a bot's. For the same reason, do not redirect your own honeypot link to this one.

    The service remembers a hit for **30 minutes**. Submit a message's events within that time, with the `message_id`
    that its link was made with; that may be any text that is unique to the message.
    """

    def url(self, message_id: str, *, domain: str | None = None) -> str:
        """Return the URL of a message's honeypot.

        Args:
            message_id: your key of the message, as in `BotEvent.message_id`.
            domain: the sending domain for which bot detection is enabled; the client's own if left out.

        Raises:
            ConfigError: the domain is missing or invalid, or the message_id is empty.
        """
        host = self._client._domain(domain)
        return f"https://email.{host}{fill_path(PATH, {'message_id': message_id})}"

    def html(self, message_id: str, *, content: str | SupportsHtml | None = None, domain: str | None = None) -> str:
        """Return the honeypot as a link that no reader sees, for the end of a message's HTML.

        Without content, or around text, the link itself is hidden. Around a tracking pixel it is not: mail programs do
        not load a hidden image. In both forms, the link is hidden from screen readers and the Tab key, so that their
        users are not taken for bots.

        Args:
            message_id: your key of the message, as in `BotEvent.message_id`.
            content: what the link contains: nothing; your tracking pixel, as ready HTML; or text, which is escaped.
                Text counts as ready HTML if it is nothing but `<img …>`; for other HTML, pass an object with
                `__html__()`, such as `markupsafe.Markup`.
            domain: the sending domain for which bot detection is enabled; the client's own if left out.

        Raises:
            ConfigError: the domain is missing or invalid, or the message_id is empty.
        """
        url = escape(self.url(message_id, domain=domain))
        ready = _ready_html(content)
        style = 'style="display:none" ' if ready is None else ""
        inner = escape(str(content or "")) if ready is None else ready
        return f'<a href="{url}" {style}aria-hidden="true" tabindex="-1">{inner}</a>'


def _ready_html(content: object) -> str | None:
    """Return the content if it is HTML already; None for text."""
    html = getattr(content, "__html__", None)
    if html is not None:
        return str(html())
    return content if isinstance(content, str) and _PIXELS.fullmatch(content) else None


_PIXELS = re.compile(
    r"""\s*(?:
        <img (?: \s+ (?!on) [\w:-]+ (?: \s*=\s* (?: "[^"<>]*" | '[^'<>]*' | [^\s"'<>=]+ ) )? )* \s*/?>
    \s*)+""",
    re.IGNORECASE | re.VERBOSE,
)
"""One or more `img` elements without event handlers: text with anything else in it is text."""
