"""`omnivery bots status`, `retry`, `export` and `prune`: what a journal holds, and what to do with it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import asdict

from omnivery import codec
from omnivery.cli.arguments import Duration, connection, connection_options
from omnivery.cli.command import command
from omnivery.cli.output import console, print_json, printable, wants_json
from omnivery.cli.signals import run_interruptibly
from omnivery.cli.streams import written
from omnivery.cli.submission import Submission, token
from omnivery.cli.submission_report import end_with
from omnivery.display.counts import counted
from omnivery.errors import ConfigError

if TYPE_CHECKING:
    from omnivery.bulk.journal.reader import JournalState, Problem


@command(
    examples="""
    omnivery bots status run.journal
    omnivery bots status run.journal --json | jq .undelivered
    """
)
@click.argument("journal", metavar="JOURNAL")
def status(journal: str) -> None:
    """Show what a JOURNAL holds, also while a submission with it is under way.

    Exit status 0: everything in it was accepted or rejected. 1: something is pending, undelivered or unknown.
    """
    from omnivery.bulk.journal.reader import JournalReader

    with JournalReader.open(journal) as view:
        state = view.state()
    print_json(_as_json(state)) if wants_json() else _print(state)
    sys.exit(1 if state.pending or state.sending or state.undelivered or state.unknown else 0)


@command(
    examples="""
    omnivery bots retry run.journal
    """
)
@click.argument("journal", metavar="JOURNAL")
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1, 256), help="Batches in flight.")
@connection_options
def retry(*, journal: str, concurrency: int, proxy: str | None, ca: Path | None) -> None:
    """Send again what a JOURNAL holds and is not delivered.

    Server, domain and webhook URL are the journal's own. The token comes from OMNIVERY_TOKEN, or is asked for on
    a terminal.

    Exit status 0: every event of the journal is now accepted. 1: some were rejected or are still not delivered.
    """
    from omnivery.bulk.journal.reader import JournalReader

    with JournalReader.open(journal) as view:
        base_url = view.target()["base_url"]
    run = Submission(concurrency=concurrency, journal=journal, connection=connection(proxy, ca))
    known_token = token()  # on an event loop, the prompt would not see Ctrl-C
    end_with(run, run_interruptibly(lambda: run.retry(known_token, base_url)))


@command(
    examples="""
    omnivery bots export run.journal > not-accepted.ndjson
    omnivery bots export run.journal --rejected
    """
)
@click.argument("journal", metavar="JOURNAL")
@click.option("--rejected", "kinds", flag_value="rejected", help="Only what was rejected.")
@click.option("--undelivered", "kinds", flag_value="undelivered", help="Only what is not delivered.")
def export(journal: str, kinds: str | None) -> None:
    """Print what was not accepted as NDJSON: one event a line, with its source and the reason.

    `event` is the event as it was read; `text` stands in its place for a line that is no JSON. Of a message, which a
    journal does not keep, there is its `index` in the source; `unknown` ones may have been sent.
    """
    from omnivery.bulk.journal.reader import JournalReader
    from omnivery.events.encoding import events_in

    with JournalReader.open(journal) as view, written():
        rejected: Iterator[Problem] = view.rejected() if kinds != "undelivered" else iter(())
        others = chain(view.undelivered(events_in), view.unknown()) if kinds != "rejected" else ()
        for problem in chain(rejected, others):
            if sys.stdout is not None:
                sys.stdout.write(_line(problem).decode() + "\n")


@command(
    examples="""
    omnivery bots prune run.journal --older-than 30d
    omnivery bots prune --store verdicts.db --older-than 90d
    """
)
@click.argument("journals", nargs=-1, metavar="[JOURNAL]…")
@click.option("--store", "stores", multiple=True, metavar="PATH", help="Prune a verdict store, too.")
@click.option(
    "--older-than", required=True, type=Duration(unit_needed=True), help="Age of what is deleted, such as 30d."
)
def prune(journals: tuple[str, ...], stores: tuple[str, ...], older_than: float) -> None:
    """Delete old ids of accepted events, and old rejected items, from each JOURNAL; old verdicts from each store.

    Counts stay, and so does every event that is not delivered. A journal's file shrinks; a store's file does not, but
    uses the room again.

    Exit status 0: done. 2: a file is not there, is no journal or store, or is being written by a submission.
    """
    from omnivery.bulk.journal.reader import JournalReader
    from omnivery.bulk.journal.store import JournalStore
    from omnivery.webhooks.store import VerdictStore

    if not journals and not stores:
        raise click.UsageError("name a JOURNAL, or a verdict store with --store PATH")
    for path in stores:
        if not Path(path).is_file():  # opened, it would be created
            raise ConfigError(f"verdict store: there is no file {path}")
    for path in journals:
        JournalReader.open(path).close()
    events = verdicts = 0
    for path in journals:
        with closing(JournalStore.open(path)) as journal:
            events += journal.prune(older_than)
    for path in stores:
        with VerdictStore(path) as store:
            verdicts += store.prune(older_than)
    if wants_json():
        print_json({"events": events, "verdicts": verdicts})
    else:
        console().print(f"Deleted: {counted(events, 'accepted or rejected event')}, {counted(verdicts, 'verdict')}")


def _line(problem: Problem) -> bytes:
    known = asdict(problem, filter=lambda field, value: field.name not in {"item", "item_id"} and value is not None)
    if problem.item_id is not None:
        known["event_id"] = problem.item_id
    if problem.item is None:
        return codec.dumps(known)
    try:
        parsed = codec.loads(problem.item)
    except ValueError:
        return codec.dumps({**known, "text": problem.item.decode("utf-8", "backslashreplace")})
    # As it is: parsed and written again, a large number would be another one. Only a line break must not stay.
    event = codec.dumps(parsed) if b"\n" in problem.item or b"\r" in problem.item else problem.item
    return codec.dumps(known)[:-1] + b',"event":' + event + b"}"


def _as_json(state: JournalState) -> dict[str, Any]:
    # The URL of the webhook may hold a secret.
    target = {name: value for name, value in state.target.values.items() if name not in state.target.secret}
    return target | asdict(state, filter=lambda field, _: field.name != "target")


def _print(state: JournalState) -> None:
    out = console()
    out.print(f"[bold]{state.accepted:,} of {counted(state.read, 'event')} accepted[/], {state.rejected:,} rejected")
    counts = {
        "pending": state.pending,
        "being sent": state.sending,
        "undelivered": state.undelivered,
        "unknown: they may have been sent": state.unknown,
    }
    for name, count in counts.items():
        if count:
            out.print(f"  {count:,} {name}")
    if state.oldest_pending is not None:
        out.print(f"  the oldest were read {time.time() - state.oldest_pending:,.0f} s ago")
    for source in state.sources:
        # What is nested, such as the marks by which a file is known again, says nothing to a person.
        places = [f"{name} {value}" for name, value in source.position.items() if isinstance(value, int | str)]
        place = f", up to {printable(', '.join(places))}" if places else "" if source.position else ", not begun"
        out.print(f"  {printable(source.name)}: {source.read:,} read{place}", markup=False)
    out.print(f"  {state.file_bytes:,} bytes, {state.live_bytes:,} of them events that were not accepted")
