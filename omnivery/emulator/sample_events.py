"""Made-up interactions with a newsletter, by people, security scanners, image proxies and scripts.

The IP addresses are from the networks that are reserved for benchmarks and documentation (RFC 2544, RFC 3849).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from typing import TypeAlias

from omnivery.events.event import BotEvent
from omnivery.events.ids import event_id_for, recipient_id_for

_BROWSERS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Edg/141.0.0.0",
)
_MACHINES = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "python-requests/2.32.3",
    "curl/8.9.1",
    "-",
)
_RECIPIENT_DOMAINS = ("example.com", "example.net", "example.org")
_LINKS = 6
SENT_AT = 1_790_000_000
"""When the made-up newsletter was sent, in Unix seconds."""


def newsletter_events(count: int, *, seed: int = 1) -> Iterator[BotEvent]:
    """Make the first `count` interactions of a newsletter; the same ones for the same seed."""
    return islice(_interactions(random.Random(seed)), count)  # noqa: S311  # repeatable on purpose


def _interactions(rng: random.Random) -> Iterator[BotEvent]:
    position = 0
    while True:
        message_id = f"newsletter-{rng.randrange(40)}"
        recipient = f"reader{rng.randrange(1_000_000)}@{rng.choice(_RECIPIENT_DOMAINS)}"
        delivered = SENT_AT + rng.randrange(3600)
        visit = rng.choices(_VISITORS, _SHARES)[0]
        ip = _address(rng)
        for uas, action, ts, link in visit(rng, delivered):
            position += 1
            recipient_id = recipient_id_for(recipient, "demo")
            url = f"https://example.com/offers/{link}" if link else None
            yield BotEvent(
                ip=ip,
                uas=uas,
                action=action,
                domain=recipient.partition("@")[2],
                recipient_id=recipient_id,
                message_id=message_id,
                ts=ts,
                message_ts=delivered,
                event_id=event_id_for(
                    ip=ip, ts=ts, message_id=message_id, recipient_id=recipient_id, position=position
                ),
                attributes={"campaign": message_id, "url": url} if url else {"campaign": message_id},
            )


_Step: TypeAlias = tuple[str, str, int, int]
"""User agent, action, Unix seconds, and number of the link; 0 for an open."""


def _reader(rng: random.Random, delivered: int) -> list[_Step]:
    """A person, who opens some time after delivery, and sometimes clicks."""
    uas, opened = rng.choice(_BROWSERS), delivered + 20 + int(rng.expovariate(1 / 5400))
    clicks = rng.choice((0, 0, 1, 2))
    later = [(uas, "click", opened + 8 * (step + 1), rng.randrange(1, _LINKS)) for step in range(clicks)]
    return [(uas, "open", opened, 0), *later]


def _declared(rng: random.Random, delivered: int) -> list[_Step]:
    """A machine whose user agent says that it is one."""
    return [(rng.choice(_MACHINES), "open", delivered + rng.randrange(3, 600), 0)]


def _scanner(rng: random.Random, delivered: int) -> list[_Step]:
    """A security scanner with a browser's user agent, which follows all links within one second."""
    uas, ts = rng.choice(_BROWSERS), delivered + rng.randrange(3, 90)
    return [(uas, "click", ts, link) for link in range(1, _LINKS + 1)]


def _preloader(rng: random.Random, delivered: int) -> list[_Step]:
    """A mail service that loads images at delivery, sooner than a human could."""
    return [(rng.choice(_BROWSERS), "open", delivered + rng.randrange(2), 0)]


_VISITORS = (_reader, _declared, _scanner, _preloader)
_SHARES = (60, 30, 4, 6)
_IPV6 = 0.2
"""Share of visitors with an IPv6 address."""


def _address(rng: random.Random) -> str:
    if rng.random() < _IPV6:
        return f"2001:db8:{rng.randrange(1, 65536):x}::{rng.randrange(1, 65536):x}"
    return f"198.{rng.choice((18, 19))}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
