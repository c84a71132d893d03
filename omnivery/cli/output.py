"""What commands print: for people on a terminal, one JSON object elsewhere."""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnivery import codec
from omnivery.cli.streams import written
from omnivery.cli.wording import in_options
from omnivery.display.counts import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from rich.console import Console

    from omnivery.automations.report import SubmitReport
    from omnivery.bulk.report import Rejection


def asked_for_json() -> bool:
    """Whether the command line has `--json`."""
    # Looked up rather than parsed: an error in the command line itself must be reported in JSON, too.
    arguments = sys.argv[1:]
    return "--json" in (arguments[: arguments.index("--")] if "--" in arguments else arguments)


def wants_json() -> bool:
    """Whether a program reads standard output."""
    return asked_for_json() or sys.stdout is None or not sys.stdout.isatty()


def console() -> Console:
    """Where text for people goes."""
    from rich.console import Console

    return Console(highlight=False)


def say(text: str) -> None:
    """Print a line on standard error, above the progress bar if there is one: click would write into the bar's line.

    Where it cannot be written, as to a log on a full disk, it is lost: the work must not end for that.
    """
    if sys.stderr is not None:
        with suppress(OSError):
            print(text, file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Foreign text without control characters: a log's user agents are chosen by the clients of the server."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def json_text(value: object) -> str:
    """A value as JSON on one line. Models are objects of their fields."""
    try:
        text = codec.dumps(value, default=_fields_of).decode()
    except UnicodeEncodeError:
        text = codec.dumps(_whole(value), default=_fields_of).decode()
    # JSON escapes the control characters of ASCII alone, and the others steer terminals, too.
    text = text if text.isprintable() else _UNPRINTABLE.sub(_escaped, text)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    # A terminal of another encoding gets other escapes of the same text, rather than another text.
    return text if encoding.lower().startswith("utf") else _NOT_ASCII.sub(_escaped, text)


def _whole(value: Any) -> Any:
    """A value without the half characters that Python makes of file names and arguments that are not UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole(name): _whole(each) for name, each in value.items()}
    return [_whole(each) for each in value] if isinstance(value, list | tuple) else value


def print_json(value: object) -> None:
    """Print one JSON document on one line.

    Raises:
        BrokenPipeError: nobody reads it any more.
        OutputError: it cannot be written.
    """
    with written():
        print(json_text(value))


_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_UNPRINTABLE = re.compile(r"[\x7f-\xa0\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""Controls, and marks that reorder text or cannot be seen."""


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]


def _fields_of(value: object) -> object:
    from attrs import fields, has

    model: Any = type(value)
    if not has(model):
        return codec.refuse(value)
    if callable(flat := getattr(value, "to_fields", None)):
        return flat()
    found = {each.name: getattr(value, each.name) for each in fields(model)}
    if not found.get("extra"):
        found.pop("extra", None)
    return found


def print_items(items: Sequence[object], columns: Mapping[str, Callable[[Any], object]], *, more: bool = False) -> None:
    """Print a list: a table for people, and else an object with `items` and `more`.

    Args:
        items: what is listed.
        columns: heading of each column to what it shows of an item.
        more: whether the service has further items.
    """
    if wants_json():
        print_json({"items": items, "more": more})
        return
    print_table(tuple(columns), [[show(item) for show in columns.values()] for item in items])
    if more:
        console().print("There are more: --limit N shows more of them, --limit 0 all.", markup=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows for people, without a heading if no column has one.

    Nothing is cut off: what does not fit goes on in the next line.
    """
    from rich.table import Table
    from rich.text import Text

    cells = [list(row) for row in rows]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=any(columns))
    for place, column in enumerate(columns):
        is_number = bool(cells) and all(type(row[place]) is int for row in cells)
        table.add_column(column, overflow="fold", justify="right" if is_number else "left")
    for row in cells:
        table.add_row(*(value if isinstance(value, Text) else Text(cell_text(value)) for value in row))
    console().print(table)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values for people; what has no value is left out."""
    print_table(("", ""), [row for row in facts.items() if row[1] is not None])


def cell_text(value: object) -> str:
    """A value as a person reads it, without control characters."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC" if value.tzinfo else f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(cell_text, value)) or "-"
    return printable(str(value))


def progress(text: str, total: int | None) -> AbstractContextManager[Callable[[int], None]]:
    """A bar on standard error, if that is a terminal. Call what it gives with the count so far.

    Args:
        text: what is being done, which may hold a file's name.
        total: where it ends, if that is known.
    """
    from omnivery.display.progress import bar

    return bar(printable(text), total)


def report_json(report: SubmitReport, name: str, *, interrupted: bool) -> dict[str, Any]:
    """The report of a source with a name as JSON."""
    rate = report.accepted / report.elapsed if report.elapsed else 0.0
    return {
        "read": report.read,
        "accepted": report.accepted,
        "rejected": report.rejected,
        "undelivered": report.undelivered,
        "batches": report.batches,
        "requests": report.requests,
        "retries": report.retries,
        "elapsed": round(report.elapsed, 3),
        "events_per_second": round(rate, 1),
        "rejections": [{"file": _other_file(item, name) or name, **_rejection(item)} for item in report.rejections],
        "failures": [
            {"file": name, "batch": failure.batch, "events": failure.events, "error": str(failure.error)}
            for failure in report.failures
        ],
        "stopped_by": "interrupted" if interrupted else _words(report.stopped_by),
    }


def where_events_went(report: SubmitReport, name: str) -> Iterator[str]:
    """A line for each thing that kept events of a source with a name from being accepted; nothing where all were."""
    yield from _rejected(report, name)
    lost: dict[str, list[int]] = {}
    for failure in report.failures:
        lost.setdefault(str(failure.error), []).append(failure.events)
    for words, counts in lost.items():
        yield f"not delivered: {counted(sum(counts), 'event')} of {counted(len(counts), 'batch')}: {words}"
    if report.undelivered > (listed := sum(failure.events for failure in report.failures)):
        yield f"not delivered: {report.undelivered - listed:,} more events"
    if report.stopped_by is not None:
        stop = _words(report.stopped_by)
        yield "the run was stopped by that error" if stop in lost else f"the run was stopped: {stop}"


def _rejected(report: SubmitReport, name: str) -> Iterator[str]:
    """A line for each reason: a file in a wrong format has the same one for every line of it."""
    places: dict[tuple[str, str, str | None], list[int]] = {}
    for item in report.rejections:
        kind, place = ("index", item.index) if item.line is None else ("line", item.line)
        places.setdefault((item.reason, kind, _other_file(item, name)), []).append(place)
    told = 0
    for (reason, kind, file), found in islice(places.items(), _REASONS):
        told += len(found)
        first = ", ".join(f"{place:,}" for place in found[:_PLACES])
        rest = f" and {len(found) - _PLACES:,} more" if len(found) > _PLACES else ""
        where = f"{kind if len(found) == 1 else _PLURALS[kind]} {first}{rest}{f' of {file}' if file else ''}"
        yield f"rejected: {where}: {in_options(reason)}"
    if report.rejected > told:
        yield f"rejected: {report.rejected - told:,} more"


_REASONS = 10
_PLACES = 5
_PLURALS = {"line": "lines", "index": "indices"}


def _other_file(item: Rejection, name: str) -> str | None:
    """The file of a rejection, unless it is the source with a name itself: a journal's source may have several."""
    return None if item.file == str(Path(name).absolute()) else item.file


def _rejection(item: Rejection) -> dict[str, Any]:
    place = {"index": item.index} if item.line is None else {"index": item.index, "line": item.line}
    named = {} if item.event_id is None else {"event_id": item.event_id}
    return {**place, "reason": in_options(item.reason), **named}


def _words(error: BaseException | None) -> str | None:
    return None if error is None else in_options(str(error)) or type(error).__name__
