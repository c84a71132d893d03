"""Files of suppressions: CSV with a header, NDJSON, or one address a line. Read line by line, in flat memory."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, BinaryIO, Literal, TypeAlias

from attrs import define, field, frozen

from omnivery import codec
from omnivery.cli.result_files import without_mark
from omnivery.errors import ConfigError

Form: TypeAlias = Literal["csv", "ndjson", "text"]

LONGEST_LINE = 1_000_000
"""Bytes of a line; what is longer is no record, and must not fill the memory."""
LONGEST_ADDRESS = 320
"""Characters of an address: 64, an @ and 255 (RFC 5321, section 4.5.3.1)."""
ALIASES = {"email": "address", "e-mail": "address", "email address": "address", "email_address": "address"}
"""Names of a column that is taken for the address."""
_UNREADABLE = b"\xff\n"
_NO_TEXT = "not UTF-8 text, or longer than a megabyte"
_UNSOUND = re.compile(r"[\s\x00-\x1f\x7f]")


@frozen(kw_only=True)
class Row:
    """One record of a file, or why there is none."""

    line: int
    """Where it begins, counted from 1."""
    record: Mapping[str, Any] | None = None
    fault: str | None = None
    shown: str | None = None
    """The address, or else the beginning of the line, by which a person finds it."""


@define(kw_only=True)
class SuppressionFile:
    """The records of a file.

    Args:
        file: the open file.
        size: its size in bytes, if that is known.
        fields: the fields that the list takes.
        columns: own names of columns, and the field that each of them is.
        form: the format; recognized by the first line if left out.
    """

    file: BinaryIO
    size: int | None = None
    fields: tuple[str, ...]
    columns: Mapping[str, str]
    form: Form | None = None
    unused: dict[str, None] = field(init=False, factory=dict[str, None])
    """Names of columns that the list has no field for."""
    _line: int = field(init=False, default=0)
    _bytes: int = field(init=False, default=0)

    @property
    def progress(self) -> tuple[int, int | None]:
        """Bytes read, and bytes in all if that is known."""
        return self._bytes, self.size

    def rows(self) -> Iterator[Row]:
        """Read the file.

        Raises:
            ConfigError: it is CSV, and no column has the address.
            OSError: it cannot be read.
            SourceError: it is damaged, or of a kind that has to be unpacked first.
        """
        lines = self._lines()
        first = next((line for line in lines if line.strip()), None)
        if first is None:
            return
        form = self.form or self._recognized(first)
        every = chain([first], lines)
        yield from {"csv": self._from_csv, "ndjson": self._from_ndjson, "text": self._from_text}[form](every)

    def _lines(self) -> Iterator[bytes]:
        while line := self.file.readline(LONGEST_LINE):
            self._line += 1
            self._bytes += len(line)
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                while (rest := self.file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                    self._bytes += len(rest)
                line = _UNREADABLE
            yield line.removeprefix(b"\xef\xbb\xbf") if self._line == 1 else line

    def _recognized(self, first: bytes) -> Form:
        text = first.strip()
        if text.startswith(b"{") or _is_json_text(text):
            return "ndjson"
        # A header has names, and no name has an @; a list of addresses has one in each line.
        return "csv" if b"@" not in text or b"," in text or b";" in text else "text"

    def _from_ndjson(self, lines: Iterator[bytes]) -> Iterator[Row]:
        for line in lines:
            if not line.strip():
                continue
            try:
                found = codec.loads(line)
            except ValueError:
                yield Row(line=self._line, fault="not JSON", shown=_shown(line))
                continue
            yield self._row(self._line, {"address": found} if isinstance(found, str) else found, _shown(line))

    def _from_text(self, lines: Iterator[bytes]) -> Iterator[Row]:
        for line in lines:
            if text := _text(line).strip():
                yield self._row(self._line, {"address": text}, _shown(line))

    def _from_csv(self, lines: Iterator[bytes]) -> Iterator[Row]:
        first = _text(next(lines))
        delimiter = max(",;\t", key=first.count)
        reader = csv.reader(chain([first], map(_text, lines)), delimiter=delimiter, skipinitialspace=True)
        try:
            names = self._header(next(reader))
        except csv.Error as error:
            raise ConfigError(f"the first line is not CSV ({error}). Nothing was sent.") from None
        while True:
            begins = self._line + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield Row(line=begins, fault=f"not CSV ({error})")
                continue
            if cells is None:
                return
            if any(cells):
                values = {name: without_mark(cell.strip()) for name, cell in zip(names, cells, strict=False)}
                yield self._row(begins, {name: value for name, value in values.items() if value}, ",".join(cells))

    def _header(self, cells: list[str]) -> list[str]:
        names = [self._field(cell) for cell in cells]
        if "address" not in names:
            shown = _clean(", ".join(cell.strip() for cell in cells))
            if "@" in shown:
                raise ConfigError("the first line of CSV has the columns' names, and this one has an address in it")
            raise ConfigError(
                f"no column is the address: the columns are {shown}. Say which with --columns NAME=address. "
                "Nothing was sent."
            )
        return names

    def _field(self, name: str) -> str:
        name = name.strip()
        return self.columns.get(name) or ALIASES.get(name.lower(), name.lower())

    def _row(self, line: int, found: Any, shown: str) -> Row:
        if not isinstance(found, Mapping):
            return Row(line=line, fault="no object and no address", shown=_clean(shown))
        named = {self._field(name): value for name, value in found.items()}
        self.unused.update(dict.fromkeys(name for name in named if name not in self.fields))
        record = {name: value for name, value in named.items() if name in self.fields and value is not None}
        address = record.get("address")
        fault = _NO_TEXT if not all(map(_is_text, record.values())) else _fault(address)
        known = address if isinstance(address, str) else shown
        if fault is not None:
            return Row(line=line, fault=fault, shown=_clean(known))
        if isinstance(tags := record.get("tags"), str):
            record["tags"] = _tags(tags)
        return Row(line=line, record=record, shown=known)


def _is_text(value: object) -> bool:
    """Whether a value, if it is text, has no half characters: what is not UTF-8 is read as such."""
    try:
        return not isinstance(value, str) or value.encode() is not None
    except UnicodeEncodeError:
        return False


def _is_json_text(line: bytes) -> bool:
    """Whether a line is an address as a text of JSON, rather than a header of one quoted name."""
    try:
        found = codec.loads(line)
    except ValueError:
        return False
    return isinstance(found, str) and "@" in found


def _fault(address: object) -> str | None:
    """Return what is wrong with an address, as far as that is certain; the service knows the rest.

    The service refuses a whole request for one bad address, which then costs many requests to find.
    """
    if not isinstance(address, str) or not address:
        return "it has no address"
    local, _, host = address.rpartition("@")
    if not local or not host or len(address) > LONGEST_ADDRESS or (_UNSOUND.search(address) and '"' not in address):
        return "it is no e-mail address"
    return None


def _tags(text: str) -> list[str]:
    if text.startswith("["):
        try:
            found = codec.loads(text)
        except ValueError:
            found = None
        if isinstance(found, list):
            return [str(one) for one in found]
    return [one.strip() for one in text.split(",") if one.strip()]


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _clean(text: str) -> str:
    """Return the beginning of a text, without half characters, which no file and no terminal takes."""
    return text[:LONGEST_ADDRESS].encode("utf-8", "replace").decode()


def _shown(line: bytes) -> str:
    return line.strip()[:LONGEST_ADDRESS].decode("utf-8", "replace")
