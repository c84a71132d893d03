"""The files that a command names, and how they are read."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

import click
from attrs import field, frozen

from omnivery import readers
from omnivery.cli.output import printable, say
from omnivery.cli.wording import in_options
from omnivery.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from omnivery.automations.report import BatchOutcome
    from omnivery.automations.run import AsyncBulkRun
    from omnivery.readers import FileEvents

Command = TypeVar("Command", bound=Callable[..., Any])

PROMPT = "Reading from the terminal; Ctrl-D ends it."
LARGEST = 64 * 2**20
"""Bytes of an input that is held in memory: a device or a pipe may have no end."""


@frozen(kw_only=True)
class InputOptions:
    """How files are read."""

    format: str | None = None
    columns: dict[str, str] = field(factory=dict[str, str])
    client_ip: Any = None
    trusted_proxies: tuple[str, ...] = ()
    follow: bool = False

    def open(
        self, files: Iterable[str], *, complete: bool = False
    ) -> tuple[dict[str, FileEvents[Any]], dict[str, OSError]]:
        """Return the events of each file that is named, or is in a folder that is, by its name. Each file comes once.

        What cannot be opened does not keep the others from being read: beside the events, there is why, by its name.
        What a reader warns of is told on standard error.

        Args:
            files: as on the command line.
            complete: whether a last line without an ending is an event in a run with a journal, too.

        Raises:
            ConfigError: an option is wrong.
            OSError: there is one file, and it cannot be opened.
            SourceError: none of several files can be opened.
        """
        from omnivery.readers.copies import note_of_copies

        named = [*files]
        found: dict[str | tuple[int, int], FileEvents[Any]] = {}
        errors: dict[str, OSError] = {}
        # A shell's pattern names the journal, too, where it lies beside the logs.
        for file in _without_own(named) or named:
            try:
                for one in self._each(file, complete=complete):
                    [origin] = one.origins
                    found.setdefault(origin.identity or one.name, one)
            except OSError as error:
                errors[os.fsencode(file).decode("utf-8", "backslashreplace")] = error
        if not found:
            raise _none_opened(errors)
        if self.follow and (count := len(found) + len(errors)) > 1:
            raise ConfigError(f"--follow: one file can be followed, and these are {count}: run a command for each")
        for name, reason in errors.items():
            _tell(printable(f"{name}: {error_words(reason)}: going on with the other files"))
        if (copies := note_of_copies(one.origins[0] for one in found.values())) is not None:
            _tell(printable(copies))
        return {file_name(one): one for one in found.values()}, errors

    def _each(self, file: str, *, complete: bool) -> list[FileEvents[Any]]:
        warnings.simplefilter("always", readers.LogWarning)
        warnings.showwarning = _tell
        source = readers.read(
            file,
            format=self.format,
            columns=self.columns or None,
            client_ip=self.client_ip,
            trusted_proxies=self.trusted_proxies,
            follow=self.follow,
            complete=complete,
        )
        if not (found := source.each_file()):
            raise FileNotFoundError(errno.ENOENT, "There is no file in this folder", file)
        return found


def _none_opened(errors: Mapping[str, OSError]) -> OSError | SourceError:
    if len(errors) == 1:
        [error] = errors.values()
        return error
    told = "; ".join(f"{name}: {error_words(error)}" for name, error in errors.items())
    return SourceError(f"none of {len(errors):,} files can be opened: {told}. Nothing was sent.")


def _without_own(files: Sequence[str]) -> list[str]:
    """The names without those of journals and verdict stores, of this run or another one."""
    from omnivery._sqlite.own_files import is_own

    return [one for one in files if one == "-" or not is_own(Path(one))]


def input_options(command: Command) -> Command:
    """Give a command the options by which its files are read; it gets them as `reading`, an `InputOptions`."""

    @wraps(command)
    def with_options(**options: Any) -> Any:
        chosen = {name: options.pop(name) for name in _NAMES}
        columns = columns_of(chosen.pop("columns"))
        return command(reading=InputOptions(columns=columns, **chosen), **options)

    for option in reversed(_OPTIONS):
        with_options = option(with_options)
    return cast("Command", with_options)


_OPTIONS = (
    click.option(
        "--format",
        metavar="NAME",
        help="The files' format: ndjson, csv, parquet, combined, iis, sendgrid, ses …, or a pattern in the notation "
        "of Apache's or nginx's logs. Recognized by the content if left out.",
    ),
    click.option(
        "--columns",
        multiple=True,
        metavar="NAME=FIELD,…",
        help="Columns of a table that are named otherwise than an event's fields: client_ip=ip,agent=uas.",
    ),
    click.option(
        "--client-ip",
        type=click.Choice(["peer", "forwarded"]),
        help="Whose address a log's events get: the connection's peer, or the client that proxies forward.",
    ),
    click.option(
        "--trusted-proxy",
        "trusted_proxies",
        multiple=True,
        metavar="NETWORK",
        help="A proxy of yours, for --client-ip forwarded; may be repeated.",
    ),
    click.option("--follow", is_flag=True, help="Go on with what is written later, as tail -F does, until Ctrl-C."),
)

_NAMES = ("format", "columns", "client_ip", "trusted_proxies", "follow")

rate_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), metavar="N", help="The most events a second."
)
complete_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--complete",
    is_flag=True,
    help="With a journal: take a last line without an ending, too, though its file may grow.",
)


def columns_of(texts: Iterable[str]) -> dict[str, str]:
    """Read the option `--columns`: the name of each column, and the field that it is.

    Raises:
        ConfigError: it has another form.
    """
    return dict(_pair(one) for text in texts for one in text.split(","))


def _pair(text: str) -> tuple[str, str]:
    name, equals, fieldname = text.strip().rpartition("=")
    if not equals or not name or not fieldname:
        raise ConfigError(f"--columns: {printable(text)!r} is not NAME=FIELD, such as client_ip=ip")
    return name, fieldname


def _tell(message: Warning | str, *_: object, **__: object) -> None:
    say(f"Warning: {in_options(str(message))}")


def standard_input(prompt: str = PROMPT) -> BinaryIO:
    """Return standard input; say on a terminal that it is read.

    Raises:
        ConfigError: it is closed.
    """
    if sys.stdin is None:
        raise ConfigError("standard input is closed. Nothing was sent.")
    if sys.stdin.isatty():
        say(prompt)
    return sys.stdin.buffer


def read_whole(source: str, *, prompt: str = PROMPT) -> bytes:
    """Return the content of a file, or of standard input for `-`.

    Args:
        source: the file.
        prompt: what a terminal shows.

    Raises:
        OSError: the file cannot be read.
        ConfigError: it is larger than `LARGEST`, perhaps without end; or standard input is closed.
    """
    with nullcontext(standard_input(prompt)) if source == "-" else Path(source).open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        shown = "standard input" if source == "-" else printable(source)
        most = f"{LARGEST // 2**20} MiB, the most that is read at once"
        raise ConfigError(f"{shown}: more than {most}: give it in parts. Nothing was sent.")
    return content


def lines_or_arguments(given: Sequence[str]) -> list[str]:
    """Return the arguments, with the lines of standard input in place of `-`; blank ones are left out.

    Raises:
        ConfigError: as `read_whole`.
    """
    found: list[str] = []
    for one in given:
        found += read_whole("-").decode("utf-8", "replace").splitlines() if one == "-" else [one]
    return [line.strip() for line in found if line.strip()]


def file_name(events: FileEvents[Any]) -> str:
    """The name of a file as the user gave it, without bytes that are no text."""
    [origin] = events.origins
    return "-" if origin.name == "standard input" else origin.name


async def follow_file(
    run: AsyncBulkRun, tell: Callable[[BatchOutcome], None], *, decoded: bool = True
) -> Exception | None:
    """Go through the run of a file to its end. Returns why the file could not be read to its end, if it could not.

    Arguments are those of `follow`.

    Raises:
        OmniveryError: what concerns the run and not the file: the journal cannot be used, for instance.
    """
    try:
        await run.follow(tell, decoded=decoded)
    except (OSError, SourceError) as error:  # the file cannot be opened, or is not what it was
        return error
    except Exception as error:
        if error is not run.source.error:
            raise
        return error
    return None


def error_words(error: BaseException) -> str:
    """An error in words, without the path of the file, which is told beside it."""
    words = str((error.strerror if isinstance(error, OSError) else None) or error)
    return in_options(words) or type(error).__name__


def what_to_know(name: str, events: Iterable[Any]) -> Iterator[str]:
    """What has to be told of a file beside its events: lines that were left, files that were replaced."""
    if isinstance(events, readers.FileEvents):
        if events.unfinished:
            yield (
                f"{name}: the last line has no ending and may still be being written: it is left for the next run "
                "(--complete takes it)"
            )
        yield from events.notes
