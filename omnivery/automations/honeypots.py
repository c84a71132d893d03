"""Honeypots: hidden links that no human follows, which give away the machines that follow every link."""

from __future__ import annotations

import re
from html import escape

from omnivery.automations.config import AutomationsConfig
from omnivery.errors import ConfigError
from omnivery.transport.body import fill_path
from omnivery.transport.resource import AsyncResource

# No operation: the page prints the link among its API calls, but it is for mail programs and never for clients.
# https://docs.omnivery.com/api-ref/automations-api (Bot detection, honeypot)
PATH = "/{message_id}/hclick"


class AsyncHoneypots(AsyncResource[AutomationsConfig]):
    """Makes the honeypot link of a message. Both methods are pure: nothing is sent, nothing is awaited.

    The SDK never requests a honeypot, and neither should you, not even to test it: the service would record the hit
    for your own address and User-Agent, and take them for a bot's. For the same reason do not redirect a honeypot link
    of your own to this one.

    The service remembers a hit for **30 minutes**. Submit a message's events within that time, with the very
    `message_id` that its link was made with; it may be any key that is unique to the message.
    """

    def url(self, message_id: str, *, domain: str | None = None) -> str:
        """The address of a message's honeypot.

        Args:
            message_id: your key of the message, as in `BotEvent.message_id`.
            domain: the sending domain for which bot detection is enabled; the client's own when left out.

        Raises:
            ConfigError: the domain is missing or is none, or the message_id is empty.
        """
        host = self._client._domain(domain)
        if not re.fullmatch(r"[\w.-]+", host):
            raise ConfigError("domain: expected the name of a domain, such as mail.example.com")
        return f"https://email.{host}{fill_path(PATH, {'message_id': message_id})}"

    def html(self, message_id: str, *, content: str = "", domain: str | None = None) -> str:
        """The honeypot as a hidden link, to stand at the end of a message's HTML.

        It is hidden from screen readers and from the tab key, too: else the people who use them would pass for bots.

        Args:
            message_id: your key of the message, as in `BotEvent.message_id`.
            content: text of the link. Empty is best.
            domain: the sending domain for which bot detection is enabled; the client's own when left out.

        Raises:
            ConfigError: the domain is missing or is none, or the message_id is empty.
        """
        address = escape(self.url(message_id, domain=domain))
        hidden = 'style="display:none" aria-hidden="true" tabindex="-1"'
        return f'<a href="{address}" {hidden}>{escape(content)}</a>'
