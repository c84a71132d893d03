"""`omnivery suppressions`: addresses that get no more mail, and those that always do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omnivery.cli.clients import Clients, client_options
from omnivery.cli.command import HELP, Group
from omnivery.cli.confirmation import confirm, yes_option
from omnivery.cli.input import lines_or_arguments
from omnivery.cli.listing import LARGEST_PAGE, first_items, limit_option, page_size
from omnivery.cli.output import console, print_items, print_json, printable, progress, wants_json
from omnivery.cli.result_files import format_of, open_output, write_csv, write_ndjson
from omnivery.cli.suppression_import import import_command
from omnivery.cli.suppression_lists import SuppressionList, list_argument, row_of
from omnivery.cli.surface import PRIMARY, PRIMARY_OR_TOKEN
from omnivery.display.counts import counted
from omnivery.errors import NotFoundError

if TYPE_CHECKING:
    pass


@click.group(cls=Group, context_settings=dict(HELP))
def suppressions() -> None:
    """Addresses that get no more mail: LIST is bounces, complaints or unsubscribes.

    A fourth LIST, whitelists, has the addresses that get mail whatever other list they are on.
    """


@suppressions.command(
    "list",
    examples="""
    omnivery suppressions list bounces
    omnivery suppressions list unsubscribes --limit 0 --json | jq -r '.items[].address'
    """,
)
@list_argument
@limit_option
@client_options(PRIMARY)
def list_command(*, which: SuppressionList, limit: int, clients: Clients) -> None:
    """Show a LIST."""
    clients.choose()
    with clients.mailgun() as client:
        entries, more = first_items(which.of(client).list(limit=page_size(limit)), limit)
    items = [row_of(entry, which.columns) for entry in entries]
    print_items(items, {name: _item(name) for name in which.columns}, more=more)


def _item(name: str) -> Callable[[Any], object]:
    return lambda item: item[name]


@suppressions.command(
    examples="""
    omnivery suppressions add bounces ann@example.com --code 550 --error 'User unknown'
    omnivery suppressions add complaints bob@example.com --error 'by telephone'
    omnivery suppressions add unsubscribes - < addresses.txt
    """
)
@list_argument
@click.argument("given", metavar="ADDRESS…", nargs=-1, required=True)
@click.option("--error", help="Why, in your own words; complaints need it.")
@click.option("--code", help="For bounces: the SMTP code, such as 550.")
@client_options(PRIMARY_OR_TOKEN)
def add(
    *, which: SuppressionList, given: tuple[str, ...], error: str | None, code: str | None, clients: Clients
) -> None:
    """Add each ADDRESS to a LIST, or replace its entry; `-` reads one a line from standard input.

    Exit status 0: all were added. 1: the service refused one; the output says which were added before it.
    """
    details = {name: value for name, value in (("error", error), ("code", code)) if value is not None}
    if unknown := details.keys() - set(which.fields):
        raise click.UsageError(f"--{unknown.pop()}: {which.name} have none")
    if which.needs_error and error is None:
        raise click.UsageError(f"{which.name} need a reason: --error TEXT")
    addresses = lines_or_arguments(given)
    if clients.choose() == "mailgun":
        with clients.mailgun() as client:
            resource: Any = which.of(client)
            _each(addresses, lambda one: resource.create(one, **details), done=f"added to the {which.name}")
    else:
        kind = which.automations_type()
        if code is not None:
            raise click.UsageError("--code: the Automations API takes none")
        with clients.automations() as other:
            add_one = other.suppressions.add
            _each(addresses, lambda one: add_one(one, type=kind, error=error), done=f"added to the {which.name}")


@suppressions.command(
    examples="""
    omnivery suppressions remove bounces ann@example.com bob@example.com
    omnivery suppressions remove unsubscribes - < addresses.txt
    omnivery suppressions remove bounces --all --yes
    """
)
@list_argument
@click.argument("given", metavar="[ADDRESS]…", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Empty the list of bounces. This cannot be undone.")
@yes_option
@client_options(PRIMARY)
def remove(*, which: SuppressionList, given: tuple[str, ...], everything: bool, yes: bool, clients: Clients) -> None:
    """Take each ADDRESS off a LIST; `-` reads one a line from standard input.

    Exit status 0: none of them is on the list now. 1: the service refused; the output says what was removed before.
    An address that is not on the list is named, and is no failure.
    """
    if everything == bool(given):
        raise click.UsageError("name addresses, or say --all")
    clients.choose()
    if everything:
        _remove_all(which, clients, yes=yes)
        return
    with clients.mailgun() as client:
        resource: Any = which.of(client)
        _each(
            lines_or_arguments(given),
            resource.delete,
            done=f"removed from the {which.name}",
            # A domain that is not there is 404 for every address, and for the list, too.
            check_list=lambda: resource.list(limit=1).first(),
        )


def _remove_all(which: SuppressionList, clients: Clients, *, yes: bool) -> None:
    if which.name != "bounces":
        raise click.UsageError("--all: only the list of bounces can be emptied at once")
    confirm("Empty the list of bounces? Mail then goes to every address that ever bounced.", yes=yes)
    with clients.mailgun() as client:
        client.bounces.delete_all()
    if wants_json():
        print_json({"removed": "all"})
    else:
        console().print("The list of bounces is empty.")


def _each(
    addresses: list[str],
    change: Callable[[str], object],
    *,
    done: str,
    check_list: Callable[[], object] | None = None,
) -> None:
    """Change one entry after the other, and say what was done, also if an error ends it.

    Args:
        addresses: the entries.
        change: changes one.
        done: the change in words.
        check_list: raises if the whole list is not there. Without it, an address that is not there is an error.
    """
    changed: list[str] = []
    absent: list[str] = []
    try:
        for address in addresses:
            try:
                change(address)
            except NotFoundError:
                if check_list is None:
                    raise
                if not absent:
                    check_list()
                absent.append(address)
            else:
                changed.append(address)
    finally:
        if wants_json():
            print_json({"changed": changed, "not_on_the_list": absent})
        else:
            for address in changed:
                console().print(f"{printable(address)}: {done}", markup=False)
            for address in absent:
                console().print(f"{printable(address)}: was not on the list", markup=False)


@suppressions.command(
    examples="""
    omnivery suppressions export bounces > bounces.ndjson
    omnivery suppressions export unsubscribes --output unsubscribes.csv
    """
)
@list_argument
@click.option("--format", "form", type=click.Choice(["csv", "ndjson"]), help="By the output's name, or ndjson.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file; standard output if left out.")
@client_options(PRIMARY)
def export(*, which: SuppressionList, form: str | None, output: Path | None, clients: Clients) -> None:
    """Write a whole LIST as NDJSON or CSV, which `omnivery suppressions import` reads.

    A file is written in place only when it is whole.
    """
    form = form or format_of(output, ("csv", "ndjson"))
    clients.choose()
    count = 0
    with clients.mailgun() as client, open_output(output) as file, _progress(which, output) as advance:

        def rows() -> Iterator[dict[str, Any]]:
            nonlocal count
            for entry in which.of(client).list(limit=LARGEST_PAGE):
                count += 1
                advance(count)
                yield row_of(entry, which.columns)

        write_csv(rows(), which.columns, file) if form == "csv" else write_ndjson(rows(), file)
    if output is not None and wants_json():
        print_json({"exported": count, "output": str(output)})
    else:
        click.echo(f"{counted(count, 'entry')} exported", err=output is None)


def _progress(which: SuppressionList, output: Path | None) -> AbstractContextManager[Callable[[int], None]]:
    # Of entries on the terminal, the bar would hide some.
    if output is None and sys.stdout is not None and sys.stdout.isatty():
        return nullcontext(lambda _: None)
    return progress(f"Exporting {which.name}", None)


suppressions.add_command(import_command)
