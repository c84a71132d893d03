"""Honeypots: hidden links that no human follows, which reveal programs that follow every link."""

from __future__ import annotations

import re
from html import escape

from omnivery.automations.config import AutomationsConfig
from omnivery.errors import ConfigError
from omnivery.transport.body import fill_path
from omnivery.transport.resource import AsyncResource

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
        if not re.fullmatch(r"[\w.-]+", host):
            raise ConfigError("domain: expected the name of a domain, such as mail.example.com")
        return f"https://email.{host}{fill_path(PATH, {'message_id': message_id})}"

    def html(self, message_id: str, *, content: str = "", domain: str | None = None) -> str:
        """Return the honeypot as a hidden link, for the end of a message's HTML.

        It is hidden from screen readers and the Tab key, too, so that their users are not taken for bots.

        Args:
            message_id: your key of the message, as in `BotEvent.message_id`.
            content: text of the link. Empty is best.
            domain: the sending domain for which bot detection is enabled; the client's own if left out.

        Raises:
            ConfigError: the domain is missing or invalid, or the message_id is empty.
        """
        url = escape(self.url(message_id, domain=domain))
        hidden = 'style="display:none" aria-hidden="true" tabindex="-1"'
        return f'<a href="{url}" {hidden}>{escape(content)}</a>'
