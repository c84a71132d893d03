"""`omnivery domains`: sending domains, their DNS records, and their verification."""

from __future__ import annotations

import os
import sys
import time
from operator import attrgetter
from typing import TYPE_CHECKING

import click

from omnivery.cli.arguments import Duration, secret
from omnivery.cli.clients import Clients, client_options
from omnivery.cli.command import HELP, Group
from omnivery.cli.confirmation import confirm, yes_option
from omnivery.cli.dns import NEXT, DomainView
from omnivery.cli.listing import first_items, limit_option, page_size
from omnivery.cli.output import console, print_items, print_json, printable, say, wants_json
from omnivery.cli.surface import EITHER, PRIMARY
from omnivery.errors import BadRequestError, ConfigError, RateLimitError, ServerError, TransportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omnivery.mailgun import Mailgun

DOCUMENTED_PAGE = 100
"""Domains on a page, as the API's page has it."""


@click.group(cls=Group, context_settings=dict(HELP))
def domains() -> None:
    """Sending domains."""


@domains.command(
    "list",
    examples="""
    omnivery domains list
    omnivery domains list --state active --json | jq -r '.items[].name'
    """,
)
@click.option("--state", help="Only domains in this state: pending, unverified, active, rejected or disabled.")
@limit_option
@client_options(EITHER, domain=False)
def list_command(*, state: str | None, limit: int, clients: Clients) -> None:
    """List the domains that the key sees: those of the account, or a sending key's own."""
    items: Sequence[object]
    if clients.choose() == "mailgun":
        with clients.mailgun() as client:
            pages = client.domains.list(state=state, limit=page_size(limit, DOCUMENTED_PAGE))
            items, more = first_items(pages, limit)
    else:
        with clients.automations() as other:
            found = (domain for domain in other.domains.list() if state in {None, domain.state})
            items, more = first_items(found, limit)
    columns = {"name": attrgetter("name"), "state": attrgetter("state"), "created": attrgetter("created_at")}
    print_items(items, columns, more=more)


@domains.command(
    examples="""
    omnivery domains show mail.example.com
    omnivery domains show --json | jq '.records[] | select(.problem)'
    """
)
@click.argument("name", required=False)
@client_options(EITHER, domain=False)
def show(*, name: str | None, clients: Clients) -> None:
    """Show a domain with its DNS records, what is wrong with each, and what to do next.

    NAME is the domain; OMNIVERY_DOMAIN if left out.
    """
    name = _named(name)
    if clients.choose() == "mailgun":
        with clients.mailgun() as client:
            view = DomainView.of_mailgun(client.domains.get(name), name)
    else:
        with clients.automations() as other:
            view = DomainView.of_automations(other.domains.get(name, dns=True), name)
    view.show()


@domains.command(
    examples="""
    omnivery domains create news.example.com
    omnivery domains create news.example.com --wildcard --smtp-password
    """
)
@click.argument("name")
@click.option("--wildcard", is_flag=True, help="Accept mail for its subdomains, too.")
@click.option("--smtp-password", is_flag=True, help="Set the password for SMTP: OMNIVERY_SMTP_PASSWORD, or asked for.")
@client_options(PRIMARY, domain=False)
def create(*, name: str, wildcard: bool, smtp_password: bool, clients: Clients) -> None:
    """Create the domain NAME, and show the DNS records that it needs.

    It can send once the service's staff have vetted it and its records are verified.
    """
    clients.choose()
    password = secret("OMNIVERY_SMTP_PASSWORD", "SMTP password") if smtp_password else None
    with clients.mailgun() as client:
        detail = client.domains.create(name, wildcard=wildcard or None, smtp_password=password)
    DomainView.of_mailgun(detail, name).show()


@domains.command(
    examples="""
    omnivery domains verify news.example.com
    omnivery domains verify news.example.com --wait --deadline 2h
    """
)
@click.argument("name", required=False)
@click.option("--wait", is_flag=True, help="Look again until the domain is active, or the deadline has passed.")
@click.option("--deadline", default="10m", show_default=True, type=Duration(), help="With --wait: how long.")
@click.option("--every", default="15s", show_default=True, type=Duration(), help="With --wait: time between two looks.")
@client_options(PRIMARY, domain=False)
def verify(*, name: str | None, wait: bool, deadline: float, every: float, clients: Clients) -> None:
    """Have a domain's DNS records looked up now, and show the result.

    NAME is the domain; OMNIVERY_DOMAIN if left out. With --wait, also a domain that is still being vetted is waited
    for; one that was refused or disabled ends the command at once.

    Exit status 0: the domain is active. 1: it is not; the output says what is missing.
    """
    name = _named(name)
    clients.choose()
    with clients.mailgun() as client:
        view = _verified(client, name)
        ends = time.monotonic() + deadline
        while wait and view.state not in {"active", "rejected", "disabled"} and (left := ends - time.monotonic()) > 0:
            say(f"{printable(view.state or 'state unknown')}: looking again in {every:,.0f} s.")
            time.sleep(min(every, left))
            view = _verified_again(client, name) or view
    view.show()
    if view.state != "active":
        if wait and view.state not in {"rejected", "disabled"}:
            say("The deadline has passed. The same command goes on waiting.")
        sys.exit(1)


@domains.command(
    examples="""
    omnivery domains delete old.example.com
    omnivery domains delete old.example.com --yes
    """
)
@click.argument("name")
@yes_option
@client_options(PRIMARY, domain=False)
def delete(*, name: str, yes: bool, clients: Clients) -> None:
    """Delete the domain NAME with everything in it: credentials, webhooks, suppressions. This cannot be undone."""
    clients.choose()
    confirm(f"Delete {printable(name)} with everything in it?", yes=yes)
    with clients.mailgun() as client:
        client.domains.delete(name)
    if wants_json():
        print_json({"deleted": name})
    else:
        console().print(f"{printable(name)} is deleted.", markup=False)


def _named(name: str | None) -> str:
    """Return the domain that a command works on.

    Raises:
        ConfigError: none is named.
    """
    if found := name or os.environ.get("OMNIVERY_DOMAIN", "").strip():
        return found
    raise ConfigError("no domain: name one, or set OMNIVERY_DOMAIN. Nothing was sent.")


def _verified_again(client: Mailgun, name: str) -> DomainView | None:
    """Look once more; None if the service cannot be asked now, which must not end a wait of hours."""
    try:
        return _verified(client, name)
    except (TransportError, RateLimitError, ServerError) as error:
        say(f"Not known: {printable(str(error))}")
        return None


def _verified(client: Mailgun, name: str) -> DomainView:
    """Have the records looked up, if the domain is in a state to be verified; return the domain as it is then."""
    view = DomainView.of_mailgun(client.domains.get(name), name)
    if view.state in NEXT and view.state != "unverified":
        return view
    try:
        return DomainView.of_mailgun(client.domains.verify(name), name)
    except BadRequestError:
        # Its state may have changed in between; or the service says no for a reason of its own, which is the error.
        again = DomainView.of_mailgun(client.domains.get(name), name)
        if again.state == view.state:
            raise
        return again
