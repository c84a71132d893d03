"""`omnivery addresses`: whether e-mail addresses can receive mail, and whether they can be parsed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from omnivery.cli.clients import Clients, client_options
from omnivery.cli.command import HELP, Group
from omnivery.cli.input import lines_or_arguments
from omnivery.cli.output import print_json, print_table, progress, wants_json
from omnivery.cli.surface import EITHER, SENDING_OR_TOKEN

if TYPE_CHECKING:
    from omnivery.automations import KickboxResult
    from omnivery.mailgun import AddressValidation


@click.group(cls=Group, context_settings=dict(HELP))
def addresses() -> None:
    """E-mail addresses."""


@frozen(kw_only=True)
class Validation:
    """What either API says of one address."""

    address: str
    valid: bool | None
    """None if the service does not know."""
    reason: str | None
    role: bool | None
    disposable: bool | None
    did_you_mean: str | None

    @classmethod
    def of_mailgun(cls, found: AddressValidation, address: str) -> Validation:
        """Return what the Mailgun-compatible API said."""
        return cls(
            address=address,
            valid=found.is_valid,
            reason=found.reason,
            role=found.is_role_address,
            disposable=found.is_disposable_address,
            did_you_mean=found.did_you_mean,
        )

    @classmethod
    def of_automations(cls, found: KickboxResult, address: str) -> Validation:
        """Return what the Automations API said."""
        return cls(
            address=address,
            valid={"deliverable": True, "undeliverable": False}.get(found.result or ""),
            reason=found.reason
            if found.result in {"deliverable", "undeliverable"}
            else f"{found.result}: {found.reason}",
            role=found.role,
            disposable=found.disposable,
            did_you_mean=found.did_you_mean,
        )


@addresses.command(
    examples="""
    omnivery addresses validate ann@example.com
    omnivery addresses validate - < addresses.txt
    """
)
@click.argument("given", metavar="ADDRESS…", nargs=-1, required=True)
@client_options(SENDING_OR_TOKEN)
def validate(*, given: tuple[str, ...], clients: Clients) -> None:
    """Check whether each ADDRESS can receive mail; `-` reads one a line from standard input.

    The service passes addresses to another company (Kickbox), which the domain's settings must allow. Each address is
    a call, and takes a second or more.

    Exit status 0: all are valid. 1: one is not, or is not known to be.
    """
    found: list[Validation] = []
    try:
        with progress("Validating", len(addresses := lines_or_arguments(given))) as advance:
            for one in _validations(addresses, clients):
                found.append(one)
                advance(len(found))
    finally:
        # Each has cost a call, and what an error or Ctrl-C ends must not take the others along.
        if found:
            _show(found)
    sys.exit(0 if all(one.valid for one in found) else 1)


def _show(found: list[Validation]) -> None:
    if wants_json():
        print_json({"items": found})
    else:
        columns = ("address", "valid", "reason", "role", "disposable", "did you mean")
        words = {True: "yes", False: "NO", None: "not known"}
        rows = [
            (one.address, words[one.valid], one.reason, one.role, one.disposable, one.did_you_mean) for one in found
        ]
        print_table(columns, rows)


def _validations(given: list[str], clients: Clients) -> Iterator[Validation]:
    if clients.choose() == "mailgun":
        with clients.mailgun() as client:
            for one in given:
                yield Validation.of_mailgun(client.addresses.validate(one), one)
    else:
        with clients.automations() as other:
            for one in given:
                yield Validation.of_automations(other.addresses.validate(one), one)


@addresses.command(
    examples="""
    omnivery addresses parse 'Ann <ann@example.com>, bob@example.com'
    omnivery addresses parse - < addresses.txt
    """
)
@click.argument("given", metavar="ADDRESSES…", nargs=-1, required=True)
@client_options(EITHER, domain=False)
def parse(*, given: tuple[str, ...], clients: Clients) -> None:
    """Split lists of e-mail addresses into those that can be parsed and those that cannot.

    ADDRESSES are separated by commas; `-` reads one a line from standard input. Only the syntax is checked.

    Exit status 0: all can be parsed. 1: some cannot.
    """
    text = lines_or_arguments(given)
    if clients.choose() == "mailgun":
        with clients.mailgun() as client:
            found = client.addresses.parse(text)
    else:
        with clients.automations() as other:
            found = other.addresses.parse(text)
    if wants_json():
        print_json(found)
    else:
        rows: list[tuple[Any, ...]] = [(one.email, one.name, one.domain) for one in found.parsed]
        rows += [(one, "NOT PARSED", None) for one in found.unparseable]
        print_table(("address", "name", "domain"), rows)
    sys.exit(1 if found.unparseable else 0)
