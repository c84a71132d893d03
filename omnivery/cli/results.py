"""`omnivery bots results`: events and their verdicts, and events whose verdict has not come."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import asdict

from omnivery.cli.arguments import Duration
from omnivery.cli.command import command
from omnivery.cli.output import print_json, say, wants_json
from omnivery.display.counts import counted
from omnivery.errors import ConfigError

if TYPE_CHECKING:
    from omnivery.automations.results import EventResult
    from omnivery.bulk.journal.reader import JournalReader
    from omnivery.cli.result_rows import KindCounts
    from omnivery.webhooks.store import VerdictStore

HOUR = 3600.0

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@command(
    examples="""
    omnivery bots results --store verdicts.db --journal run.journal --output verdicts.parquet
    omnivery bots results --store verdicts.db --format csv > verdicts.csv
    omnivery bots results --store verdicts.db --journal run.journal --missing --older-than 6h
    """
)
@click.option("--store", "store_path", required=True, type=_FILE, help="The verdicts: a file that a receiver keeps.")
@click.option("--journal", "journal_paths", multiple=True, type=_FILE, help="A submission's journal; more than once.")
@click.option(
    "--format", "form", type=click.Choice(["csv", "ndjson", "parquet"]), help="By the output's name, or ndjson."
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file; standard output if left out.")
@click.option("--missing", is_flag=True, help="Only list accepted events that have no verdict.")
@click.option("--older-than", type=Duration(), help="With --missing: accepted longer ago than that, 1h if left out.")
def results(
    *,
    store_path: Path,
    journal_paths: tuple[Path, ...],
    form: str | None,
    output: Path | None,
    missing: bool,
    older_than: float | None,
) -> None:
    """Export verdicts with their events, also while they still come in.

    One row for each verdict: event_id, is_bot, the event's fields, its own attributes, and when things happened, in
    unix seconds. With a journal also when the event was accepted, and then a row for each accepted event that has no
    verdict: it has no received_at. An empty is_bot is unknown, not human. The same columns in NDJSON and CSV; in
    Parquet times are timestamps, and each attribute is a typed column of its own, attributes.NAME.

    With --missing, accepted events that have no verdict as NDJSON: event_id, accepted_at, and age in seconds.

    Exit status 0: all is written; with --missing, none is missing. 1: with --missing, some are.
    """
    from omnivery.bulk.journal.reader import JournalReader
    from omnivery.webhooks.store import VerdictStore

    form = _checked_format(form, output, missing=missing)
    _check(journal_paths, output, store_path, missing=missing, older_than=older_than)
    with ExitStack() as files:
        store = files.enter_context(VerdictStore(store_path))
        journals = [files.enter_context(JournalReader.open(path)) for path in journal_paths]
        if missing:
            count = _list_missing(store, journals, output, HOUR if older_than is None else older_than)
            sys.exit(1 if count else 0)
        _export(store, journals, form, output)


def _checked_format(form: str | None, output: Path | None, *, missing: bool) -> str:
    from omnivery.cli.result_files import format_of

    chosen = form or format_of(output, ("ndjson",) if missing else ("ndjson", "csv", "parquet"))
    if chosen == "parquet" and output is None:
        raise ConfigError("Parquet is written from its end: name a file with --output")
    if missing and chosen != "ndjson":
        raise ConfigError("--missing lists events as NDJSON, and in no other format")
    return chosen


def _check(
    journals: Sequence[Path], output: Path | None, store: Path, *, missing: bool, older_than: float | None
) -> None:
    if missing and not journals:
        raise ConfigError("--missing needs a journal to know which events were accepted: name it with --journal")
    if older_than is not None and not missing:
        raise ConfigError("--older-than says which events --missing lists, and has no meaning without it")
    if len({path.resolve() for path in journals}) < len(journals):
        raise ConfigError("--journal: the same journal was named twice")
    if output is not None and any(output.exists() and output.samefile(path) for path in (store, *journals)):
        raise ConfigError(f"--output: {output} is the store, or a journal: name another file")


def _export(store: VerdictStore, journals: Sequence[JournalReader], form: str, output: Path | None) -> None:
    from omnivery.automations.results import join
    from omnivery.cli.parquet_file import write_parquet
    from omnivery.cli.result_files import open_output, replacing, write_csv, write_ndjson
    from omnivery.cli.result_rows import KINDS, TYPED, KindCounts, row_of

    counts = KindCounts()

    def rows() -> Iterator[dict[str, Any]]:
        for result in join(store, journals):
            counts.enter(result)
            yield row_of(result)

    if form == "parquet":
        assert output is not None  # noqa: S101  # _checked_format sees to it
        with replacing(output) as path:
            write_parquet(rows(), TYPED, path)
    else:
        with open_output(output) as file:
            write_csv(rows(), KINDS, file) if form == "csv" else write_ndjson(rows(), file)
    _tell(counts, output, matched=bool(journals))


def _list_missing(
    store: VerdictStore, journals: Sequence[JournalReader], output: Path | None, older_than: float
) -> int:
    from omnivery.automations.results import missing
    from omnivery.cli.result_files import open_output, write_ndjson

    now, count = time.time(), 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal count
        for result in missing(store, journals):
            if (age := _age(result, now)) >= older_than:
                count += 1
                yield {"event_id": result.event_id, "accepted_at": result.accepted_at, "age": round(age, 3)}

    with open_output(output) as file:
        write_ndjson(rows(), file)
    words = f"{counted(count, 'event')} without a verdict, accepted {older_than:,.0f} s ago or earlier"
    say(words)
    return count


def _age(result: EventResult, now: float) -> float:
    # A clock that was set back must not hide an event.
    return max(0.0, now - (result.accepted_at or 0.0))


def _tell(counts: KindCounts, output: Path | None, *, matched: bool) -> None:
    """Sum up: on standard output as other commands do, unless the rows went there."""
    if output is not None and wants_json():
        unknown = {} if matched else {"missing": None, "unmatched": None}
        print_json({**asdict(counts), **unknown, "output": str(output)})
        return
    kinds = f"{counted(counts.bots, 'bot')}, {counted(counts.humans, 'human')}, {counts.unknown:,} unknown"
    lines = [f"{counted(counts.verdicts, 'verdict')}: {kinds}; {counts.repeats:,} more came again"]
    if matched:
        lines.append(f"{counted(counts.missing, 'accepted event')} without a verdict")
        lines.append(f"{counted(counts.unmatched, 'verdict')} of events that are accepted in no journal named here")
    for line in lines:
        click.echo(line, err=output is None)
