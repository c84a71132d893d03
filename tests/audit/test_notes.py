"""Every note of both API pages is told where its reader looks: at the method or field in question, or on a docs page.

The table is typed off the pages by hand. A note that only explains a parameter's name is left to that parameter.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from omnivery import AsyncMailgun, BotEvent, Message
from omnivery.automations import (
    AsyncAccount,
    AsyncBots,
    AsyncHoneypots,
)
from omnivery.automations import AsyncAddresses as AutomationsAddresses
from omnivery.automations import AsyncDomains as AutomationsDomains
from omnivery.automations import AsyncWebhooks as AutomationsWebhooks
from omnivery.mail import webhook
from omnivery.mailgun import (
    AsyncAddresses,
    AsyncBounces,
    AsyncCredentials,
    AsyncDomains,
    AsyncMessages,
    AsyncStats,
    AsyncUnsubscribes,
    AsyncWebhooks,
    AsyncWhitelists,
)

DOCS = Path(__file__).parents[2] / "docs"

OF_MAILGUN_API: list[tuple[str, Any, str]] = [
    ("one credential works at every entry", "mailgun", "each key works on every entry"),
    ("the entry moves no data", AsyncMailgun, "Data stays in the region that the domain is configured for"),
    ("where keys are made", "mailgun", "the primary key in the account under API keys, a sending key in a domain's"),
    ("sending keys are recommended for sending", "mailgun", "the sending key if there is one, because it can do less"),
    ("validation takes a sending key alone", "mailgun", "the service refuses the primary key"),
    ("the sender is aligned with the domain, else 400", Message, "share its organisational domain; otherwise the"),
    ("messages are deduplicated", "messages", "two equal messages may be delivered as one"),
    ("messages are deduplicated", AsyncMessages.send_many, "Equal messages may be deduplicated by the service"),
    ("some headers are reserved", Message, "`List-Unsubscribe`, `Precedence`, `Feedback-ID` and similar headers are"),
    ("custom data comes back with webhooks", Message, "Your own data, returned with each webhook"),
    ("custom data that is no text is JSON", Message, "values other than text are sent as JSON"),
    ("a callback URL is for one message", Message, "Webhook URL for this message only"),
    ("substitutions replace text of the content", Message, "Texts to replace in the content"),
    (
        "recipients of a MIME message are in `to`",
        AsyncMessages.send_mime,
        "None for the addresses in the message's To, Cc and Bcc fields",
    ),
    ("batches lean on a field of the other page", AsyncMessages.send_batch, "Omnivery's page does not list that field"),
    ("validation must be allowed", AsyncAddresses.validate, "The domain's settings must allow it"),
    ("validation goes to another company", AsyncAddresses.validate, "Kickbox"),
    ("reasons of validation", "mailgun", "`low_deliverability`"),
    ("pages of domains have 100", AsyncDomains.list, "limit: int = 100"),
    ("pages of credentials have 100", AsyncCredentials.list, "limit: int = 100"),
    ("disabling is for good", AsyncDomains.disable, "the API cannot undo it"),
    ("verification takes a vetted domain", AsyncDomains.verify, "Only a domain in the state `unverified`"),
    ("staff vets", AsyncDomains.create, "once the service's staff have vetted it"),
    ("a domain is no wildcard by itself", AsyncDomains.create, "the service's default is false"),
    ("length of a password", AsyncDomains.create, "5 to 32 characters"),
    ("length of a password", AsyncCredentials, "5 to 32 characters"),
    ("forms of a time", AsyncStats.total, "unix seconds, or RFC 2822 text"),
    ("resolutions", AsyncStats.total, "the service's default is `day`"),
    ("all bounces go at once", AsyncBounces.delete_all, "this wipes the domain's whole bounce list"),
    ("a bounce is JSON", AsyncBounces.create, "Two documents disagree"),
    ("an unsubscription needs no reason", AsyncUnsubscribes.create, "error: str | None = None"),
    ("exempt from suppressions, all lists", AsyncWhitelists, "exempt from suppressions"),
    ("exempt from suppressions, all lists", "suppressions", "exempt from suppressions"),
    ("a whitelisted address is in the query", AsyncWhitelists.create, "Two documents disagree"),
    ("three URLs", AsyncWebhooks, "up to three for each kind of event"),
    ("opens and clicks need tracking", AsyncWebhooks, "only if the domain tracks opens and clicks"),
    ("names of webhooks", webhook, "softbounced"),
]
OF_AUTOMATIONS_API: list[tuple[str, Any, str]] = [
    ("where tokens are made", "automations", "for one domain under its credentials, for all domains in the account"),
    ("where the signing key is", "automations", "The signing key of webhooks is in the account, under API keys"),
    ("how bot detection is enabled", "automations", "Omnivery enables bot detection for a domain on request"),
    ("bot detection is enabled for each domain", "bots", "has to be enabled for the sending domain"),
    ("three fields are required", BotEvent, "`ip`, `uas` and `event_id` are required in bulk"),
    ("more fields, better verdicts", BotEvent, "Every further field makes the verdict more accurate"),
    ("the IP address is the origin's", BotEvent, "not that of your own proxy"),
    ("the event's id comes back", BotEvent, "which the verdict contains"),
    ("a click by default", BotEvent, "the service's default is `click`"),
    ("the recipient's domain in clear", BotEvent, "The *recipient's* e-mail domain, not hashed"),
    ("a hash is preferred", BotEvent, "preferably a hash"),
    ("one key in event and honeypot", BotEvent, "the same text as in the message's honeypot link"),
    ("own keys come back", BotEvent, "and the verdict contains them"),
    ("500 events", AsyncBots.submit_batch, "Submit at most 500 events in one request"),
    ("results come to the webhook", AsyncBots, "In bulk, verdicts come to your webhook"),
    ("a single check is slow and limited", AsyncBots.check, "takes a second or more and is rate limited"),
    ("one of two fields for a check", AsyncBots.check, "needs `ip` or `uas`"),
    ("not processed or expired", AsyncBots.result, "not processed yet, or expired"),
    ("where the honeypot goes", AsyncHoneypots.html, "for the end of a message's HTML"),
    ("around the tracking pixel, or empty", AsyncHoneypots.html, "nothing; your tracking pixel"),
    ("any key of the message", AsyncHoneypots, "any text that is unique to the message"),
    ("30 minutes", AsyncHoneypots, "for **30 minutes**"),
    ("30 minutes", "bots", "30 minutes"),
    ("no redirection", AsyncHoneypots, "do not redirect your own honeypot link"),
    ("no request", AsyncHoneypots, "Never request a honeypot URL yourself"),
    ("signature is optional, algorithm unnamed", "webhooks", "names no algorithm"),
    ("deduplication", "messages", "The service deduplicates messages"),
    ("validation goes to another company", AutomationsAddresses.validate, "Kickbox"),
    ("what a token lists", AutomationsDomains.list, "all domains of the account, or a domain token's own"),
    ("the DNS records on demand", AutomationsDomains.get, "whether to return its DNS records, too"),
    ("whose token it is", AsyncAccount.test, "Return the owner of the token"),
    ("URLs are probed", AutomationsWebhooks.create, "calls each URL at once, and refuses the webhook"),
    ("opens and clicks need tracking", AutomationsWebhooks, "only if the domain tracks opens and clicks"),
    ("samples are calls", AutomationsWebhooks.sample, "A sample may be incomplete"),
    ("kinds of suppression", "suppressions", "`complaint`"),
]


def text_of(where: Any) -> str:
    """The source of an object, in which all its docstrings are; or a page of docs."""
    source = (DOCS / f"{where}.md").read_text("utf-8") if isinstance(where, str) else inspect.getsource(where)
    return " ".join(source.split())


@pytest.mark.parametrize(("note", "where", "words"), [*OF_MAILGUN_API, *OF_AUTOMATIONS_API])
def test_a_note_of_the_pages_stands_where_its_reader_looks(note: str, where: Any, words: str) -> None:
    assert words in text_of(where), note
