"""The row that names the columns: below what people write above a table, and told from it by what it names."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest

from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers import csv, read

ROWS = b"ip,uas,event_id\n192.0.2.1,Agent,1\n"
EVENT = BotEvent(ip="192.0.2.1", uas="Agent", event_id="1")


@pytest.mark.parametrize(
    "above",
    [
        b"# exported on 2026-05-17\n",
        b"Clicks of May\n\n",
        b"Clicks of May,,\nGenerated,2026-05-17,\n,,\n",
        b'"A title\nover lines"\n',
        b"Acc\xe8s\n",
        b"sep=,\nClicks of May\n",
        b"ip addresses, and agents\n",
        b"x\n" * 19,
    ],
)
def test_titles_and_notes_above_the_table_are_passed_over(above: bytes) -> None:
    for read_it in (read, csv):
        found = read_it(io.BytesIO(above + ROWS))
        assert list(found) == [EVENT]
        lines = [line for line in above.split(b"\n") if line.strip()]
        assert found.skipped["header"] == len(lines) + 1


def test_the_rows_keep_the_numbers_of_their_lines() -> None:
    assert list(csv(io.BytesIO(b"Clicks\n\n" + ROWS + b"bad\n")))[1:] == [
        UnreadableLine(line=5, reason="1 cells where the first row has 3")
    ]


@pytest.mark.parametrize(
    ("content", "columns", "why"),
    [
        (b"name,age\nann,3\n", None, "none of the source's columns is ip, uas or event_id; it has name, age"),
        (b"name,age\nann,ip\n", None, "none of the source's columns is ip, uas or event_id; it has name, age"),
        (b"x,y\n" * 20 + ROWS, None, "none of the source's columns is ip, uas or event_id; it has x, y"),
        (b"name,age\nann,3\n", {"address": "ip"}, "the source has no column 'address'; it has name, age"),
        (b"gr\xf6\xdfe\nann,3\n", None, "it holds bytes that are not UTF-8"),
        (b'"name\n' * 100, None, "it is no CSV"),
    ],
)
def test_where_nothing_names_the_columns_the_first_row_says_what_is_wrong(
    content: bytes, columns: Mapping[str, str] | None, why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        csv(io.BytesIO(content), columns=columns)


def test_one_line_of_a_log_that_looks_like_names_makes_it_no_table() -> None:
    log = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "Agent"\n'
    found = list(read(io.BytesIO(b"cut off\nip,uas,event_id\n" + log)))
    assert [type(item) for item in found] == [UnreadableLine, UnreadableLine, BotEvent]


def test_blanks_behind_each_delimiter_are_no_part_of_a_cell() -> None:
    """An id with a blank in front is another id, and no verdict finds its event."""
    (event,) = csv(io.BytesIO(b'ip, uas, event_id\n192.0.2.1, "Agent, 2.0", 1\n'))
    assert event == BotEvent(ip="192.0.2.1", uas="Agent, 2.0", event_id="1")
    (event,) = csv(io.BytesIO(b"ip,uas,event_id\n192.0.2.1, Agent, 1\n"))
    assert event == BotEvent(ip="192.0.2.1", uas=" Agent", event_id=" 1")


@pytest.mark.parametrize(
    "names",
    [
        "#ip,uas,event_id",
        "# ip,uas,event_id",
        "ip,\ufeffuas,event_id",
        "ip,uas\u200b,event_id",
        "\u200eip,uas,\u00a0event_id",
    ],
)
def test_what_nobody_sees_is_no_part_of_a_name(names: str) -> None:
    """Nor is the mark of a comment: without them it is the name of an event's field."""
    found = csv(io.BytesIO(ROWS.replace(b"ip,uas,event_id", names.encode()) * 2))
    assert list(found) == [EVENT, EVENT]
    assert found.skipped == {"header": 2}


def test_a_column_of_ones_own_keeps_its_name() -> None:
    (event,) = csv(io.BytesIO(b"#,#id,ip,uas,event_id\n1,2,192.0.2.1,Agent,1\n"))
    assert isinstance(event, BotEvent)
    assert event.attributes == {"#": "1", "#id": "2"}


def test_the_names_of_a_file_that_was_joined_to_another_are_no_event() -> None:
    found = csv(io.BytesIO(ROWS + b"\xef\xbb\xbf" + ROWS))
    assert list(found) == [EVENT, EVENT]
    assert found.skipped == {"header": 2}


def test_a_first_row_may_end_with_a_delimiter_though_no_other_does() -> None:
    found = csv(io.BytesIO(ROWS.replace(b"event_id\n", b"event_id,,\n") + b"\n192.0.2.1,Agent\n192.0.2.1,Agent,1,,x\n"))
    assert list(found) == [EVENT, UnreadableLine(line=4, reason="2 cells where the first row has 5"), EVENT]
    assert found.skipped == {"header": 1, "blank": 1}


def test_what_spreadsheets_leave_empty_is_no_fault() -> None:
    """Cells without a name behind a row, and rows of delimiters alone below the table."""
    found = csv(io.BytesIO(ROWS.replace(b"Agent,1\n", b"Agent,1,,\n") + b",,\n,,,,\n192.0.2.1,Agent,1,x\n"))
    assert list(found) == [EVENT, UnreadableLine(line=5, reason="4 cells where the first row has 3")]
    assert found.skipped == {"header": 1, "blank": 2}


@pytest.mark.parametrize(
    "table",
    [
        "      ip      | uas | event_id \n--------------+-----+----------\n 192.0.2.1    | UA  | a\n(1 row)\n",
        "| ip | uas | event_id |\n|----|-----|----------|\n| 192.0.2.1 | UA | a |\n",
        "+---+\n| ip        | uas | event_id |\n+---+\n| 192.0.2.1 | UA  | a        |\n+---+\n1 row in set\n",
        "ip,uas,event_id\n--,---,--------\n192.0.2.1,UA,a\n\n(1 rows affected)\n",
        "ip       ,uas ,event_id\n---------,----,--------\n192.0.2.1,UA  ,a       \n\n(1 rows affected)\n",
        "ip|uas|event_id\n192.0.2.1|UA|a\n(1 row)\n",
    ],
    ids=["psql", "Markdown", "mysql", "sqlcmd, trimmed", "sqlcmd", "psql, unaligned"],
)
def test_blanks_that_fill_up_a_table_of_a_console_are_no_part_of_its_cells(table: str) -> None:
    """A user agent with a blank behind it is another one, and so is an id. What is drawn is no rejected row."""
    found = read(io.BytesIO(table.encode()))
    assert [(event.ip, event.uas, event.event_id) for event in found] == [("192.0.2.1", "UA", "a")]
    assert 1 + sum(found.skipped.values()) == table.count("\n")


def test_a_row_of_dashes_is_none_that_is_drawn() -> None:
    (bad,) = csv(io.BytesIO(b"ip,uas,event_id\n-,-,-\n"))
    assert isinstance(bad, UnreadableLine)


def test_blanks_in_a_file_with_bars_are_kept() -> None:
    (event,) = read(io.BytesIO(b"ip|uas|event_id\n192.0.2.1| UA |a\n"))
    assert isinstance(event, BotEvent)
    assert event.uas == " UA "
