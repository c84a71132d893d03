"""Files of suppressions: which records they hold, and why a line is none."""

from __future__ import annotations

import io
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery.cli import suppression_file
from omnivery.cli.output import json_text
from omnivery.cli.suppression_file import Form, Row, SuppressionFile
from omnivery.errors import ConfigError

FIELDS = ("address", "code", "error", "tags", "created_at")


def rows(content: bytes, form: Form | None = None, **columns: str) -> list[Row]:
    return list(read(content, form, **columns).rows())


def read(content: bytes, form: Form | None = None, **columns: str) -> SuppressionFile:
    return SuppressionFile(file=io.BytesIO(content), fields=FIELDS, columns=columns, form=form)


def records(content: bytes, form: Form | None = None, **columns: str) -> list[Any]:
    return [row.record for row in rows(content, form, **columns)]


ANN = {"address": "ann@example.com"}


@pytest.mark.parametrize(
    "content",
    [
        b"address\nann@example.com\n",
        b"\xef\xbb\xbfaddress,name\r\nann@example.com,Ann\r\n",
        b"name;E-Mail\n;ann@example.com\n",
        b"address\terror\nann@example.com\t",
        b'\n"address"\n"ann@example.com"\n',
        b'{"address": "ann@example.com"}\n',
        b'{"email": "ann@example.com", "code": null}',
        b'"ann@example.com"\n',
        b"ann@example.com\n\n",
        b"ann@example.com",
    ],
)
def test_the_format_is_recognized(content: bytes) -> None:
    assert records(content) == [ANN]


def test_an_empty_file_has_no_records() -> None:
    assert rows(b"") == rows(b"\n \n") == []


def test_all_fields_are_read_and_others_are_named() -> None:
    file = read(b'address,code,tags,Plan\nann@example.com,550,"a, b",gold\nbob@example.com,,"[""*""]",\n')
    assert [row.record for row in file.rows()] == [
        {**ANN, "code": "550", "tags": ["a", "b"]},
        {"address": "bob@example.com", "tags": ["*"]},
    ]
    assert list(file.unused) == ["plan"]


def test_columns_can_be_named() -> None:
    assert records(b"Who,Why\nann@example.com,x\n", Who="address", Why="error") == [{**ANN, "error": "x"}]
    assert records(b'{"who": "ann@example.com"}', who="address") == [ANN]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name,reason\nx,y\n", "columns are name, reason"),
        (b"ann@example.com,x\n", "first line"),
        (b"address\rann@example.com\r;", "first line"),
    ],
)
def test_csv_without_a_column_of_addresses_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        rows(content)


@pytest.mark.parametrize(
    ("content", "line", "fault"),
    [
        (b"address\nnobody\n", 2, "it is no e-mail address"),
        (b"address,error\n,x\n", 2, "it has no address"),
        (b"address\nann@\n", 2, "it is no e-mail address"),
        (b"address\nann bob@example.com\n", 2, "it is no e-mail address"),
        (b"address\n\x1b[2J@example.com\n", 2, "it is no e-mail address"),
        (b"address\n" + b"a" * 400 + b"@example.com\n", 2, "it is no e-mail address"),
        (b"address\n\xff@example.com\n", 2, "not UTF-8"),
        (b"address,error\nann@example.com,\xff\n", 2, "not UTF-8"),
        (b'{"address": "a@b.c"}\n\nrubbish\n', 3, "not JSON"),
        (b'{"address": "a@b.c"}\n[]\n', 2, "no object and no address"),
        (b'{"address": 5}\n', 1, "it has no address"),
        (b'{"address": "\\ud800@example.com"}', 1, "not"),
        (b"a@b.c\nnobody\n", 2, "it is no e-mail address"),
    ],
)
def test_a_line_that_is_no_record_says_why(content: bytes, line: int, fault: str) -> None:
    bad = [row for row in rows(content) if row.record is None]
    assert [row.line for row in bad] == [line]
    assert bad[0].fault is not None
    assert fault in bad[0].fault
    assert (bad[0].shown or "").encode("utf-8"), "it can be printed"


def test_a_record_over_several_lines_is_known_by_its_first() -> None:
    content = b'address,error\nann@example.com,"one\ntwo"\nbob@example.com,x\n'
    assert [row.line for row in rows(content)] == [2, 4]


def test_a_quote_that_never_closes_does_not_take_the_rest_of_the_file() -> None:
    more = b"".join(b"reader%d@example.com,x\n" % number for number in range(20_000))
    found = rows(b'address,error\nann@example.com,"' + more)
    assert any(row.fault is not None and "not CSV" in row.fault for row in found)
    assert sum(row.record is not None for row in found) > 10_000


def test_a_line_without_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppression_file, "LONGEST_LINE", 1000)
    file = io.BytesIO(b"address\n" + b"x" * 3_000_000 + b"\nann@example.com\n")
    source = SuppressionFile(file=file, fields=FIELDS, columns={})
    tracemalloc.start()
    found = list(source.rows())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500_000
    assert [(row.line, row.record) for row in found] == [(2, None), (3, ANN)]


PIECES = [
    *(b'address , ; " "" { } [ ] : = null email tags ann@example.com \\ud800 1e999 NaN'.split()),
    *(b"\n", b"\r\n", b"\r", b"\t", b" ", b"\x00", b"\xff", b"\xef\xbb\xbf", b"'", b"x" * 400),
    b'{"address":{}}',
    b'{"address":"a@b.c","tags":"[1"}',
    b'["x"]',
    "\u2028\u00e9".encode(),
]


@settings(max_examples=200, deadline=None)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=25), form=st.sampled_from([None, "csv", "ndjson", "text"]))
def test_whatever_comes_is_a_record_or_says_why_not(pieces: list[bytes], form: Form | None) -> None:
    try:
        found = rows(b"".join(pieces), form)
    except ConfigError:
        return
    for row in found:
        assert (row.record is None) != (row.fault is None)
        assert json_text({"shown": row.shown, "record": row.record}).isprintable()


def test_the_error_about_foreign_bytes_is_short_text() -> None:
    with pytest.raises(ConfigError) as refused:
        rows(b"\xff,\xfe" + b"x" * 100_000, "csv")
    assert len(str(refused.value).encode()) < 600


def test_an_export_is_read_as_it_was() -> None:
    """The mark against formulas is taken away again."""
    assert records(b"address,error\n'+tag@example.com,'=1\n''quoted@example.com,\n") == [
        {"address": "+tag@example.com", "error": "=1"},
        {"address": "'quoted@example.com"},
    ]


def test_progress_is_in_bytes() -> None:
    file = SuppressionFile(file=io.BytesIO(b"a@b.c\n" * 10), size=60, fields=FIELDS, columns={})
    assert file.progress == (0, 60)
    list(file.rows())
    assert file.progress == (60, 60)
