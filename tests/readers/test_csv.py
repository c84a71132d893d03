"""CSV: what becomes an event, and what is said of a row that does not."""

from __future__ import annotations

import csv as standard
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from omnivery.errors import ConfigError, SourceError
from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.events.ids import event_id_for
from omnivery.readers import csv, read
from omnivery.readers._csv import CsvReader
from omnivery.readers._lines import MAX_LINE
from tests.support.journal import Seen, submit

HEADER = b"ip,uas,event_id,ts,campaign\n"
ROW = b"192.0.2.1,Agent,1,1700000000,news\n"


def items(content: bytes) -> list[BotEvent | UnreadableLine]:
    """Everything that the reader makes of a file."""
    return list(csv(io.BytesIO(content)))


def event(content: bytes) -> BotEvent:
    """The one event of a file."""
    (item,) = items(content)
    assert isinstance(item, BotEvent), item
    return item


def ids(content: bytes) -> list[str | None]:
    """The ids of all events, and None for each row that holds no event."""
    return [item.event_id if isinstance(item, BotEvent) else None for item in items(content)]


def test_columns_become_fields_and_all_others_own_attributes() -> None:
    """Nothing is lost on the way, and nothing is made up: no action, no line."""
    assert event(HEADER + ROW) == BotEvent(
        ip="192.0.2.1", uas="Agent", event_id="1", ts=1_700_000_000, attributes={"campaign": "news"}
    )


def test_every_field_of_an_event_has_its_column() -> None:
    names = "message_ts,ts,message_id,recipient_id,domain,action,event_id,uas,ip"
    assert event(f"{names}\n1,2,m,r,d,open,e,u,192.0.2.1\n".encode()) == BotEvent(
        ip="192.0.2.1",
        uas="u",
        event_id="e",
        action="open",
        domain="d",
        recipient_id="r",
        message_id="m",
        ts=2,
        message_ts=1,
    )


def test_an_empty_cell_is_none() -> None:
    """A run rejects an event without a user agent, and the caller can fill one in before."""
    assert event(HEADER + b"192.0.2.1,,1,,\n") == BotEvent(ip="192.0.2.1", event_id="1", attributes={"campaign": None})


def test_a_file_may_call_its_columns_otherwise() -> None:
    """Few exports use the API's names, and to rewrite a large file only for that would be a pity."""
    content = b"client_ip,agent,id,ts\n192.0.2.1,Agent,7,5\n"
    found = list(csv(io.BytesIO(content), columns={"client_ip": "ip", "agent": "uas", "id": "event_id"}))
    assert found == [BotEvent(ip="192.0.2.1", uas="Agent", event_id="7", ts=5)]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1700000000", 1_700_000_000),
        ("1700000000.0", 1_700_000_000),
        ("0", 0),
        ("2023-11-14T22:13:20Z", 1_700_000_000),
        ("2023-11-14 22:13:20.987654", 1_700_000_000),
        ("2023-11-14 22:13:20.0", 1_700_000_000),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000),
        ("1969-12-31T23:59:59.5Z", -1),
        ("2023-11-14", 1_699_920_000),
        ("1700000000.987", 1_700_000_000),
        ("1700000000123", 1_700_000_000),
        ("2023-11-14 22:13:20 UTC", 1_700_000_000),
        ("2023-11-14 22:13:20.123456 UTC", 1_700_000_000),
        ("2023-11-15 00:13:20.000 +0200", 1_700_000_000),
        ("2023-11-14 23:13:20.000 Europe/Berlin", 1_700_000_000),
    ],
)
def test_times_become_whole_unix_seconds(written: str, seconds: int) -> None:
    """The service takes nothing else; frames and databases write ISO 8601, and pandas adds `.0` to whole numbers."""
    content = f"event_id,ts,message_ts\n1,{written},{written}\n".encode()
    assert (event(content).ts, event(content).message_ts) == (seconds, seconds)


@pytest.mark.parametrize("written", ["yesterday", "1e99", "9" * 5_000, "14/Nov/2023", "never", "12-31"])
def test_a_time_that_is_none_is_told_with_its_line(written: str) -> None:
    """Not guessed at, not dropped."""
    reason = "a time is neither whole unix seconds nor in ISO 8601"
    for name in ("ts", "message_ts"):
        assert items(f"event_id,{name}\n1,{written}\n".encode()) == [UnreadableLine(line=2, reason=reason)]


def test_an_address_that_is_none_is_told_with_its_line() -> None:
    """A run would reject it too, but knows only its index; and the reason holds nothing of the cell."""
    content = b"ip;uas\n192.0.2.1, 192.0.2.2;Agent\n"
    found = list(csv(io.BytesIO(content), delimiter=";"))
    assert found == [UnreadableLine(line=2, reason="ip is not an IPv4 or IPv6 address")]


@pytest.mark.parametrize("written", ["192.0.2.1:80", "::ffff:192.0.2.1", "192.0.2.1/32", " 192.0.2.1"])
def test_an_address_is_read_as_systems_export_it(written: str) -> None:
    """With the port of Azure's gateways, mapped by a dual-stack server, with PostgreSQL's prefix length."""
    assert event(f"ip,uas\n{written},Agent\n".encode()).ip == "192.0.2.1"


def test_ids_are_derived_where_there_is_no_column_for_them() -> None:
    """Equal rows are different interactions, and to read the file again yields the same ids."""
    content = b"ip,uas,ts,url\n" + b"192.0.2.1,Agent,5,/a\n" * 2
    assert ids(content) == [event_id_for(ip="192.0.2.1", uas="Agent", ts=5, url="/a", position=line) for line in (2, 3)]
    assert ids(gzip.compress(content)) == ids(content)


def test_an_empty_id_is_not_replaced() -> None:
    """Half of the ids your own and half derived would be a surprise; the run rejects the event instead."""
    assert ids(HEADER + b"192.0.2.1,Agent,,5,x\n") == [None]


# What is no row


def test_a_row_of_another_length_is_told_and_reading_goes_on() -> None:
    """Which cell is missing nobody knows, so all of the row is in doubt."""
    assert items(HEADER + b"192.0.2.1,Agent\n" + b"1,2,3,4,5,6\n" + ROW)[:2] == [
        UnreadableLine(line=2, reason="2 cells where the first row has 5"),
        UnreadableLine(line=3, reason="6 cells where the first row has 5"),
    ]
    assert ids(HEADER + b"192.0.2.1,Agent\n" + ROW) == [None, "1"]


def test_bytes_that_are_no_utf_8_cost_their_own_row_only() -> None:
    """One line of Latin-1 in a large file; the rows around it are sound."""
    bad = "192.0.2.1,Agent,2,5,caf\xe9\n".encode("latin-1")
    found = items(HEADER + ROW + bad + ROW)
    assert found[1] == UnreadableLine(line=3, reason="holds bytes that are not UTF-8: save the file in UTF-8")
    assert isinstance(found[0], BotEvent)
    assert found[2] == found[0]


def test_a_line_that_is_too_long_costs_its_own_row_only() -> None:
    found = items(HEADER + b"x" * (2 * MAX_LINE) + b"\n" + ROW)
    assert found == [UnreadableLine(line=2, reason="longer than 1,000,000 bytes"), event(HEADER + ROW)]


def test_a_cell_too_large_for_the_parser_costs_its_own_row_only() -> None:
    """The standard library stops at 131,072 characters, for all of the process: a setting that is not ours."""
    found = items(HEADER + b"192.0.2.1,Agent,2,5," + b"x" * 140_000 + b"\n" + ROW)
    assert [type(item) for item in found] == [UnreadableLine, BotEvent]


@pytest.mark.parametrize("rows", [3, 5_000])
def test_a_quote_that_is_never_closed_costs_its_own_row_only(rows: int) -> None:
    """By the letter of the format it swallows all up to the end; then half a day's events would be one bad line."""
    content = HEADER + b'192.0.2.1,"Agent,2,5,x\n' + ROW * rows
    found = items(content)
    assert isinstance(found[0], UnreadableLine)
    assert found[0].line == 2
    assert ids(content)[1:] == ["1"] * rows


def test_an_unescaped_quote_is_no_guesswork() -> None:
    """A lenient reader makes `Mozilla ab"` of it, and nobody notices."""
    found = items(HEADER + b'192.0.2.1,"Mozilla "ab"",2,5,x\n' + ROW)
    assert found[0] == UnreadableLine(line=2, reason="no CSV: ',' expected after '\"'")
    assert isinstance(found[1], BotEvent)


def test_a_carriage_return_between_two_rows_is_told_in_our_words() -> None:
    """Where files with other line endings were joined: Python's advice is for who opens the file."""
    found = items(HEADER + ROW.replace(b"\n", b"\r") + ROW + ROW)
    assert [type(item) for item in found] == [UnreadableLine, BotEvent]
    assert "a carriage return without a line feed" in str(found[0])


def test_line_numbers_count_blank_lines_and_breaks_inside_quotes() -> None:
    """Somebody will open the file at that line."""
    content = HEADER + b'\r\n \n192.0.2.1,"A\r\nb\nc",1,5,x\n' + ROW + b"bad\n" + b'"bad\nas well"\n' + b"bad\n"
    found = items(content)
    assert [item.line for item in found if isinstance(item, UnreadableLine)] == [8, 9, 11]
    assert [item.uas for item in found if isinstance(item, BotEvent)] == ["A\nb\nc", "Agent"]


def test_a_fault_inside_a_row_of_several_lines_is_that_rows() -> None:
    content = HEADER + b'192.0.2.1,"A\n\xff\nb",1,5,x\n' + ROW
    assert items(content)[0] == UnreadableLine(line=2, reason="holds bytes that are not UTF-8: save the file in UTF-8")
    assert ids(content) == [None, "1"]


def test_nothing_of_a_rows_content_gets_into_a_reason() -> None:
    secret = b"ann@example.com"
    content = HEADER + b"".join(
        [secret + b"\n", b'"' + secret + b'"x,,,,\n', b'"' + secret, b",a,b,c,d\n", secret + b"\xff,,,,\n"]
    )
    found = items(content)
    assert all(isinstance(item, UnreadableLine) for item in found)
    assert "ann" not in repr(found)


# The header


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\n\r\n", b" \n", b"\n" * 100_000])
def test_the_first_row_that_is_not_blank_names_the_columns(before: bytes) -> None:
    """Excel writes a byte order mark; without care the first column would be named otherwise."""
    assert event(before + HEADER + ROW).ip == "192.0.2.1"


def test_names_may_be_quoted_and_have_blanks_around_them() -> None:
    assert event(b'"ip", uas ,event_id\r\n192.0.2.1,Agent,1\r\n').uas == "Agent"


def test_a_column_without_a_name_is_left_out() -> None:
    """The row numbers that pandas writes unless told not to."""
    assert event(b",event_id,n\n0,1,2\n").attributes == {"n": "2"}


def test_a_file_without_columns_of_an_event_says_what_it_has() -> None:
    """And this at the call, before anything is sent."""
    with pytest.raises(ConfigError, match=r"none .* is ip, uas or event_id; it has client_ip, User-Agent. .*columns="):
        csv(io.BytesIO(b"client_ip,User-Agent\n"))


def test_a_missing_header_puts_no_personal_data_into_the_error() -> None:
    """Then the first row is an event, and errors end in logs."""
    with pytest.raises(ConfigError, match=r"it has 5 columns.*is the header row missing\?\)") as caught:
        csv(io.BytesIO(ROW.replace(b"news", b"Agent")))
    assert "192" not in str(caught.value)
    assert "Agent" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"ip,\xff\n", "not UTF-8"),
        (b'ip,"uas\n', "its last quote is never closed"),
        (b'ip,"uas" x\n', "no CSV"),
    ],
)
def test_a_header_that_cannot_be_read_is_an_error(content: bytes, why: str) -> None:
    """Without it no row means anything."""
    with pytest.raises(ConfigError, match=why):
        csv(io.BytesIO(content))


@pytest.mark.parametrize("content", [b"", b"\n \n", b"sep=;\n"])
def test_a_file_without_any_row_may_get_some_later(content: bytes, tmp_path: Path) -> None:
    """A table that a program has just begun anew is no error of the run that comes by."""
    assert list(csv(io.BytesIO(content))) == []
    assert list(read(io.BytesIO(content), format="csv")) == []
    path = tmp_path / "clicks.csv"
    path.write_bytes(content)
    assert list(csv(path)) == []


@pytest.mark.anyio
@pytest.mark.parametrize("content", [b"i", b"ip,ua", b"sep=", b"sep=;\nip;u"])
async def test_names_that_are_still_being_written_are_left(content: bytes, tmp_path: Path) -> None:
    """Neither the call nor the run can tell yet what they will be."""
    path, seen = tmp_path / "clicks.csv", Seen()
    path.write_bytes(content)
    source = csv(path)
    report = await submit(source, seen, tmp_path / "journal")
    assert (report.read, source.unfinished) == (0, 1)
    path.write_bytes(b"ip,uas,event_id\n192.0.2.1,x,a\n")
    report = await submit(csv(path), seen, tmp_path / "journal")
    assert (report.read, report.accepted) == (1, 1)


@pytest.mark.parametrize(
    ("header", "columns", "why"),
    [
        (b"ip,ip\n", None, "two columns of the source are the event's 'ip'"),
        (b"ip,client\n", {"client": "ip"}, "two columns of the source are the event's 'ip'"),
        (b"ip,a,a\n", None, "two columns of the source are the event's 'a'"),
        (b"ip,a\n", {"a": "user_agent"}, "'user_agent' is no field of an event"),
        (b"ip,a\n", {"b": "uas"}, "the source has no column 'b'; it has ip, a"),
    ],
)
def test_columns_that_contradict_each_other_are_an_error(
    header: bytes, columns: dict[str, str] | None, why: str
) -> None:
    """Whichever of two were taken, half of the users would have meant the other."""
    with pytest.raises(ConfigError, match=why):
        csv(io.BytesIO(header), columns=columns)


# Sources


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_delimiter(delimiter: str) -> None:
    content = (HEADER + ROW).replace(b",", delimiter.encode())
    assert list(csv(io.BytesIO(content), delimiter=delimiter)) == items(HEADER + ROW)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("line", ["sep={}", '"sep={}"', "SEP={}", "sep={},,"])
def test_the_line_that_tells_excel_the_delimiter_is_taken_at_its_word(line: str, mark: str, delimiter: str) -> None:
    """Exports write it, and a spreadsheet that has opened such a file writes it back in quotes."""
    content = mark + line.format(delimiter) + "\r\n" + (HEADER + ROW).decode().replace(",", delimiter)
    for found in (list(csv(io.BytesIO(content.encode()))), list(read(io.BytesIO(content.encode())))):
        assert found == items(HEADER + ROW)


def test_the_delimiter_is_that_of_the_names() -> None:
    """Commas in a name, or none of an event's own names: the caller's `columns` tell, or else the most names."""
    assert ids(b'ip;"a, b";event_id\n192.0.2.1;"x, y";7\n') == ["7"]
    found = list(csv(io.BytesIO(b"client|agent, full|id\n192.0.2.1|x|7\n"), columns={"client": "ip", "id": "event_id"}))
    assert [event.event_id for event in found if isinstance(event, BotEvent)] == ["7"]
    with pytest.raises(ConfigError, match="it has client, agent"):
        csv(io.BytesIO(b"client;agent\n192.0.2.1;x\n"))


def test_a_header_may_go_over_several_lines() -> None:
    found = list(csv(io.BytesIO(b'ip,"long\nname",event_id\n192.0.2.1,x,7\nbad\n')))
    assert isinstance(found[0], BotEvent)
    assert (found[0].event_id, found[0].attributes) == ("7", {"long\nname": "x"})
    assert found[1] == UnreadableLine(line=4, reason="1 cells where the first row has 3")


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n", "\r"])
def test_a_delimiter_that_is_none_is_an_error(delimiter: str) -> None:
    with pytest.raises(ConfigError, match="delimiter: one character"):
        csv(io.BytesIO(HEADER), delimiter=delimiter)


def test_paths_and_packed_files(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(gzip.compress(HEADER + ROW * 3_000))
    assert len(list(csv(path))) == 3_000


def test_whole_rows_before_damage_come_out(tmp_path: Path) -> None:
    path = tmp_path / "events.csv.gz"
    path.write_bytes(gzip.compress(HEADER + ROW)[:-8])
    events = csv(path)
    assert isinstance(next(events), BotEvent)
    with pytest.raises(SourceError):
        next(events)


class Endless(io.BytesIO):
    """Rows without end: to read them all would take for ever."""

    def read1(self, size: int | None = -1, /) -> bytes:
        """Return some more."""
        return (HEADER if self.tell() == 0 and self.seek(1) else b"") + ROW * 10


def test_rows_come_as_they_are_read() -> None:
    """Memory stays flat: nothing waits for the end of the file."""
    events = csv(Endless())
    assert all(isinstance(next(events), BotEvent) for _ in range(5_000))


CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(deadline=None)
@given(st.lists(st.tuples(CELL, CELL, CELL)), st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_whatever_a_writer_of_csv_writes_comes_back(
    rows: list[tuple[str, str, str]], delimiter: str, ending: str
) -> None:
    """Quotes, delimiters, line breaks, NUL, blanks, any script; `\\r\\n` inside a cell as `\\n`."""
    # All of it in quotes: a carriage return by itself gets none from the writers of older Pythons.
    written = io.StringIO(newline="")
    writer = standard.writer(written, delimiter=delimiter, lineterminator=ending, quoting=standard.QUOTE_ALL)
    writer.writerow(["event_id", "a", "b"])
    writer.writerows(rows)
    found = list(csv(io.BytesIO(written.getvalue().encode()), delimiter=delimiter))
    assert found == [
        BotEvent(event_id=_read(key), attributes={"a": _read(first), "b": _read(second)})
        for key, first, second in rows
        if _read(key) or _read(first) or _read(second)
    ]


def _read(cell: str) -> str | None:
    return None if cell == r"\N" else cell.replace("\r\n", "\n") or None


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([b"a,b,c", b'"x\ny",b,c', b"", b"bad", b'"open,b,c', b'a,"q""q",c', b"\xff,b,c"]), max_size=30
    )
)
def test_each_row_says_where_it_ends(rows: list[bytes]) -> None:
    """A journal resumes behind any of them: what was read before and what is read then are the whole."""
    lines = b"\n".join([b"event_id,n,m", *rows]).split(b"\n")
    reader = CsvReader()
    whole = [pair for placed in reader.read([(1, list(lines))]) for pair in zip(placed.items, placed.ends, strict=True)]
    assert len({end for _, end in whole}) == len(whole)
    for place, (_, end) in enumerate(whole):
        again = CsvReader()
        again.state = reader.state
        rest = [item for placed in again.read([(end + 1, list(lines[end:]))]) for item in placed.items]
        assert rest == [item for item, _ in whole[place + 1 :]]


@settings(deadline=None)
@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from([b",", b"\n", b"\r", b"\0", b"\xef\xbb\xbf", b" ", b"a"])).map(b"".join)
)
@example(b",")
def test_no_content_is_a_crash_and_no_line_is_lost(content: bytes) -> None:
    """Each line is part of an event or of an unreadable line, or counted: blank, of empty cells, or the names again."""
    found = csv(io.BytesIO(b"event_id\n" + content.replace(b'"', b"") + b"\n"))
    assert len(list(found)) + found.skipped.total() == content.count(b"\n") + 2


def test_ids_that_a_spreadsheet_has_rounded_are_counted_in_one_note() -> None:
    """Two events may have become one, and nobody would know."""
    ids = ["1.23E+15", "1,23457E+18", "1E+20", "1E15", "abcE+15", "12E+3x", "1230000000000000", ""]
    events = csv(io.BytesIO("\n".join(["ip;event_id", *(f"192.0.2.1;{one}" for one in ids), ""]).encode()))
    assert [event.event_id for event in events if isinstance(event, BotEvent)] == [*ids[:-1], None]
    [note] = events.notes
    assert note.startswith("the open file: 3 values of event_id are numbers such as 1.23E+15")
    sound = csv(io.BytesIO(b"ip,event_id\n192.0.2.1,1\n"))
    assert [len(list(sound)), sound.notes] == [1, []]
