"""`omnivery webhooks test`: whether receivers take a sample call."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import click
from attrs import evolve

from omnivery import codec
from omnivery.cli.clients import Clients, client_options
from omnivery.cli.command import command
from omnivery.cli.output import console, print_json, printable, say, wants_json
from omnivery.cli.signals import run_interruptibly
from omnivery.cli.signing_key import VARIABLE, clean_keys
from omnivery.cli.surface import AUTOMATIONS, MAILGUN
from omnivery.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from omnivery.cli.webhook_post import Posted

REFUSED = {
    401: "it refuses the signature",
    403: "it refuses the call",
    404: "nothing is at this path",
    406: "it refuses the call for good",
}
"""What a receiver's status says."""


@command(
    "test",
    examples="""
    omnivery webhooks test delivered
    omnivery webhooks test opened --url http://127.0.0.1:8080/hooks
    """,
)
@click.argument("kind")
@click.option("--url", "urls", multiple=True, metavar="URL", help="Call this URL; those of the webhook if left out.")
@client_options(MAILGUN)
def check_webhook(*, kind: str, urls: tuple[str, ...], clients: Clients) -> None:
    """Post a sample call of a KIND to each URL of its webhook, from here, and show what the receiver responds.

    With OMNIVERY_TOKEN the sample is the service's own, else one of the same form. It is signed anew with
    OMNIVERY_SIGNING_KEY; without that key, the service's sample keeps its signature. It is posted once, and from this
    machine: what the service can reach is another matter, and `omnivery doctor` looks at it.

    Exit status 0: every URL responded with a success. 1: one did not.
    """
    targets = urls or _registered(kind, clients)
    body = codec.dumps(_signed(_sample(kind, clients)))
    posted: list[tuple[str, Posted]] = []
    interrupted = run_interruptibly(lambda: _post(targets, body, posted))
    _show(posted, kind)
    sys.exit(interrupted or (0 if all(one.is_accepted for _, one in posted) else 1))


def _registered(kind: str, clients: Clients) -> tuple[str, ...]:
    clients.choose()
    with clients.mailgun() as client:
        found = next((hook.urls for hook in client.webhooks.list() if hook.name == kind), ())
    if not found:
        raise ConfigError(f"the domain has no webhook {kind!r}: name a URL with --url. Nothing was posted.")
    return tuple(found)


def _sample(kind: str, clients: Clients) -> dict[str, Any]:
    """Return a sample call: the service's own, if there is a token and the service has one of this kind."""
    from omnivery.emulator.examples import DOMAIN, example_call

    by_token = evolve(clients, keys=AUTOMATIONS, region=None, base_url=None)
    if by_token.has_key():
        try:
            with by_token.automations() as client:
                found: dict[str, Any] = codec.loads(client.webhooks.sample(kind)[0].body)
        except (NotFoundError, LookupError):
            pass
        else:
            return found
    return dict(example_call(kind, domain=clients.domain or DOMAIN))


def _signed(call: dict[str, Any]) -> dict[str, Any]:
    from omnivery.webhooks.signature import sign

    if keys := clean_keys(()):
        return {**call, "signature": sign(keys[0])}
    if "signature" not in call:
        say(f"Warning: the call is not signed: {VARIABLE} is not set.")
    return call


async def _post(urls: Iterable[str], body: bytes, posted: list[tuple[str, Posted]]) -> None:
    from omnivery.cli.webhook_post import post, post_adapter
    from omnivery.transport.config import valid_url

    checked = [valid_url(url, argument="--url") for url in urls]
    async with aclosing(post_adapter()) as adapter:
        for url in checked:
            posted += [(url, await post(adapter, url, body))]


def _show(posted: list[tuple[str, Posted]], kind: str) -> None:
    if wants_json():
        print_json({"kind": kind, "items": [{"url": url, **one.to_fields()} for url, one in posted]})
        return
    for url, one in posted:
        advice = f": {REFUSED[one.status]}" if one.status in REFUSED else ""
        style = "green" if one.is_accepted else "bold red"
        console().print(f"{printable(url)}: {printable(one.words)}{advice}", markup=False, style=style, soft_wrap=True)
