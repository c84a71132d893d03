"""`omnivery suppressions import`: a file of addresses onto a list, with an account of every line."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click
from attrs import define, field

from omnivery import codec
from omnivery.cli.clients import Clients, client_options
from omnivery.cli.command import command
from omnivery.cli.input import columns_of, error_words, standard_input
from omnivery.cli.output import console, print_json, printable, say, wants_json
from omnivery.cli.result_files import replacing
from omnivery.cli.signals import SIGNAL_STATUS, Terminated
from omnivery.cli.suppression_file import Form, Row, SuppressionFile
from omnivery.cli.suppression_lists import SuppressionList, list_argument
from omnivery.cli.surface import PRIMARY_OR_TOKEN
from omnivery.display.counts import counted
from omnivery.errors import SourceError
from omnivery.readers.text import opened

if TYPE_CHECKING:
    from omnivery.mailgun import SuppressionReport

STEP = 16_000
"""Records that are sent before the next are read: sixteen requests."""
SMALL_STEP = 1_000
"""The same where a request has one record."""
LISTED = 1000
"""Rejected lines that the output names; --rejected has all."""
SHOWN = 10
"""Rejected lines that a person is shown."""


@command(
    "import",
    examples="""
    omnivery suppressions import bounces bounces.csv
    omnivery suppressions import unsubscribes old.csv --columns 'E-Mail=address' --rejected rejected.ndjson
    omnivery suppressions import unsubscribes addresses.txt.gz
    grep -h @ *.txt | omnivery suppressions import unsubscribes -
    omnivery suppressions import bounces bounces.csv --from-line 480001
    """,
)
@list_argument
@click.argument("file", metavar="FILE")
@click.option("--format", "form", type=click.Choice(["csv", "ndjson", "text"]), help="Recognized by the first line.")
@click.option(
    "--columns", multiple=True, metavar="NAME=FIELD,…", help="Columns that are named otherwise: E-Mail=address."
)
@click.option("--error", help="The reason, for lines that have none.")
@click.option("--rejected", type=click.Path(dir_okay=False, path_type=Path), help="Write rejected lines to this file.")
@click.option("--from-line", default=1, type=click.IntRange(1), help="Begin here: an interrupted import says where.")
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1, 256), help="Requests in flight.")
@client_options(PRIMARY_OR_TOKEN)
def import_command(
    *,
    which: SuppressionList,
    file: str,
    form: Form | None,
    columns: tuple[str, ...],
    error: str | None,
    rejected: Path | None,
    from_line: int,
    concurrency: int,
    clients: Clients,
) -> None:
    """Add the addresses of a FILE to a LIST; `-` is standard input.

    A FILE is CSV with a header, NDJSON, or one address a line, plain or packed. It is read while it is sent, however
    large it is.
    Columns are address, code, error, tags and created_at, as an export has them; what a LIST has no field for is left
    out. To add an address that is on the list already is no error, so the same FILE can be imported again.

    Every line is accounted for: accepted, rejected with the reason, or undelivered. Ctrl-C ends the import with what
    was done, and with the line to go on from.

    Exit status 0: every line was accepted. 1: some were not.
    """
    run = ImportRun(which=which, error=error)
    step = STEP if which.in_arrays and clients.choose() == "mailgun" else SMALL_STEP
    with ExitStack() as files:
        source, size = files.enter_context(opened(standard_input() if file == "-" else file))
        found = SuppressionFile(file=source, size=size, fields=which.fields, columns=columns_of(columns), form=form)
        if rejected is not None:
            path = files.enter_context(replacing(rejected))
            run.rejected_file = files.enter_context(path.open("wb"))
        status = run.follow(found, clients, from_line=from_line, step=step, concurrency=concurrency, name=file)
    _print(run, found, file)
    sys.exit(status or (0 if run.accepted == run.read and run.stopped_by is None else 1))


@define(kw_only=True)
class ImportRun:
    """An import, and its totals: `accepted + rejected + undelivered + unknown == read`."""

    which: SuppressionList
    error: str | None = None
    read: int = 0
    """Lines that were taken from the file."""
    accepted: int = 0
    rejected: int = 0
    undelivered: int = 0
    unknown: int = 0
    """Lines that were being sent when the import was interrupted."""
    requests: int = 0
    failure: str | None = None
    """Why the first lines were not delivered."""
    stopped_by: str | None = None
    unreadable: str | None = None
    """Why the file could not be read to its end, if it could not."""
    next_line: int | None = None
    """Where to go on, if the import did not reach the end of the file."""
    reasons: Counter[str] = field(factory=Counter[str])
    rejections: list[dict[str, Any]] = field(factory=list[dict[str, Any]])
    """The first of them."""
    rejected_file: BinaryIO | None = None

    def follow(
        self, source: SuppressionFile, clients: Clients, *, from_line: int, step: int, concurrency: int, name: str
    ) -> int:
        """Import the file step by step. Returns the exit status for a signal; 0 if none came."""
        from omnivery.display.progress import bar, share_of

        rows = (row for row in source.rows() if row.line >= from_line)
        goes_on = from_line
        with ExitStack() as open_now:
            try:
                send = self._sender(open_now, clients, concurrency)
                advance = open_now.enter_context(bar(printable(name), share=share_of(source)))
                while self.stopped_by is None and (in_hand := self._next(rows, step)):
                    goes_on = in_hand[0].line
                    self.read += len(in_hand)
                    self._settle(in_hand, send)
                    goes_on = in_hand[-1].line + 1
                    advance(self.read)
                if self.unreadable is not None and self.stopped_by is None:
                    self.stopped_by, self.next_line = self.unreadable, self.next_line or goes_on
            except KeyboardInterrupt as interruption:
                self.unknown = self.read - self.accepted - self.rejected - self.undelivered
                self.next_line = self.next_line or goes_on
                self.stopped_by = "interrupted"
                return SIGNAL_STATUS + (signal.SIGTERM if isinstance(interruption, Terminated) else signal.SIGINT)
        return 0

    def _next(self, rows: Iterator[Row], step: int) -> list[Row]:
        """The next rows, up to where the file cannot be read any further."""
        found: list[Row] = []
        try:
            found.extend(islice(rows, step))
        except (OSError, SourceError) as error:
            if not (found or self.read):
                raise
            self.unreadable = error_words(error)
        return found

    def _sender(self, open_now: ExitStack, clients: Clients, concurrency: int) -> Any:
        if clients.choose() == "mailgun":
            resource: Any = self.which.of(open_now.enter_context(clients.mailgun()))
            return lambda records: resource.create_many(records, concurrency=concurrency)
        kind = self.which.automations_type()
        client = open_now.enter_context(clients.automations())

        def add(records: Iterable[Mapping[str, Any]]) -> SuppressionReport:
            known = ({name: str(one[name]) for name in ("address", "error") if name in one} for one in records)
            return client.suppressions.add_many([{**one, "type": kind} for one in known], concurrency=concurrency)

        return add

    def _settle(self, rows: list[Row], send: Any) -> None:
        """Send the sound ones of some rows, and count what became of each."""
        sound = [row for row in rows if row.record is not None]
        report: SuppressionReport | None = send([self._record(row) for row in sound]) if sound else None
        for row in rows:
            if row.fault is not None:
                self._reject(row, row.fault)
        if report is None:
            return
        self.accepted += report.accepted
        self.requests += report.requests
        for one in report.rejections:
            self._reject(sound[one.index], one.reason)
        self.rejected += report.rejected - len(report.rejections)
        # A run that stops leaves records unread, which its report does not have.
        self.undelivered += len(sound) - report.accepted - report.rejected
        if report.failures or report.stopped_by is not None:
            self.next_line = self.next_line or rows[0].line
            self.failure = self.failure or str(report.failures[0].error if report.failures else report.stopped_by)
        if report.stopped_by is not None:
            self.stopped_by = str(report.stopped_by)

    def _record(self, row: Row) -> Mapping[str, Any]:
        assert row.record is not None  # noqa: S101  # the caller chose it
        without = self.error is None or "error" not in self.which.fields or row.record.get("error")
        return row.record if without else {**row.record, "error": self.error}

    def _reject(self, row: Row, reason: str) -> None:
        self.rejected += 1
        self.reasons[reason] += 1
        one = {"line": row.line, "reason": reason, "address": row.shown}
        if len(self.rejections) < LISTED:
            self.rejections.append(one)
        if self.rejected_file is not None:
            self.rejected_file.write(codec.dumps(one) + b"\n")


def _print(run: ImportRun, source: SuppressionFile, name: str) -> None:
    if wants_json():
        print_json(_as_json(run))
    else:
        for line in _words(run, name):
            console().print(printable(line), markup=False, soft_wrap=True)
    if source.unused:
        listed = ", ".join(printable(str(one)) for one in islice(source.unused, SHOWN))
        say(f"Note: {run.which.name} have no field for these columns, which were left out: {listed}")


def _as_json(run: ImportRun) -> dict[str, Any]:
    counts = {name: getattr(run, name) for name in ("read", "accepted", "rejected", "undelivered", "unknown")}
    return {
        **counts,
        "requests": run.requests,
        "rejections": run.rejections,
        "reasons": dict(run.reasons),
        "failure": run.failure,
        "stopped_by": run.stopped_by,
        "next_line": run.next_line,
    }


def _words(run: ImportRun, name: str) -> Iterator[str]:
    yield f"{run.accepted:,} of {counted(run.read, 'line')} accepted on the list of {run.which.name}"
    for one in run.rejections[:SHOWN]:
        yield f"  rejected: line {one['line']:,}: {one['reason']}: {one['address'] or ''}"
    if run.rejected > SHOWN:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in run.reasons.most_common(SHOWN))
        yield f"  rejected: {run.rejected:,} in all: {reasons}"
    if run.undelivered:
        yield f"  not delivered: {counted(run.undelivered, 'line')}: {run.failure or ''}"
    if run.unknown:
        yield f"  not known: {counted(run.unknown, 'line')} were being sent; to send them again does no harm"
    if run.stopped_by is not None and run.stopped_by != run.failure:
        yield f"  stopped: {run.stopped_by}"
    if run.next_line is not None:
        again = "and the rest of the input" if name == "-" else f"import {name} again"
        yield f"  To go on, {again}: --from-line {run.next_line}"
