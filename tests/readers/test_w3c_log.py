"""W3C's extended log format: the day of lines that do not tell it, and the columns where no line names them."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers import access_log, read
from tests.support.journal import Seen, submit

FIELDS = "#Fields: time c-ip cs-uri-stem cs(User-Agent)"
MIDNIGHT = datetime(2026, 5, 18, tzinfo=UTC)


def times(*lines: str) -> list[str]:
    """The moments of a log's lines, given its directives and the times in its lines."""
    content = "\n".join(line if line.startswith("#") else f"{line} 198.51.100.7 /c/1 x" for line in lines)
    found = list(access_log(io.BytesIO(content.encode()), format="w3c", client_ip="peer"))
    assert all(isinstance(item, BotEvent) for item in found), found
    return [
        datetime.fromtimestamp(item.ts or 0, UTC).strftime("%d %H:%M:%S")
        for item in found
        if isinstance(item, BotEvent)
    ]


def test_the_day_goes_on_at_midnight() -> None:
    """A server that runs over midnight writes no new #Date."""
    assert times("#Date: 2026-05-17 09:00:00", FIELDS, "10:05:03", "23:59:59", "00:00:00", "10:05:03", "00:01") == [
        "17 10:05:03",
        "17 23:59:59",
        "18 00:00:00",
        "18 10:05:03",
        "19 00:01:00",
    ]


def test_midnight_may_pass_before_the_first_line() -> None:
    assert times("#Date: 2026-05-17 23:59:58", FIELDS, "00:00:01") == ["18 00:00:01"]


@pytest.mark.parametrize(
    "directive", ["#Date: 2026-05-20 00:00:00", "#Date: 2026-05-20", "#Start-Date: 2026-05-20 00:00"]
)
def test_a_new_date_is_taken_at_its_word(directive: str) -> None:
    assert times("#Date: 2026-05-17", FIELDS, "23:00:00", directive, "00:10:00", "12:00:00") == [
        "17 23:00:00",
        "20 00:10:00",
        "20 12:00:00",
    ]


def test_a_line_that_was_logged_late_begins_no_day() -> None:
    """The time is that of the request's start with some servers, and a request may take minutes."""
    assert times(
        "#Date: 2026-05-17", FIELDS, "10:59:59", "10:30:00", "23:59:59", "00:00:01", "23:58:00", "00:00:02"
    ) == [
        "17 10:59:59",
        "17 10:30:00",
        "17 23:59:59",
        "18 00:00:01",
        "17 23:58:00",
        "18 00:00:02",
    ]


def test_lines_with_a_date_do_not_need_any_of_it() -> None:
    lines = [
        "#Fields: date time c-ip cs(User-Agent)",
        *(f"2026-05-17 {hour}:00:00 198.51.100.7 x" for hour in (23, "01")),
    ]
    first, second = access_log(io.BytesIO("\n".join(lines).encode()), client_ip="peer")
    assert isinstance(first, BotEvent)
    assert isinstance(second, BotEvent)
    assert (first.ts or 0) - (second.ts or 0) == 22 * 3_600


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            "time c-ip cs(User-Agent)",
            "nobody knows its day: the log's #Fields lack date, and no #Date line stands before it",
        ),
        ("date c-ip cs(User-Agent)", "the log's #Fields lack time: switch it on in the server"),
    ],
)
def test_a_log_whose_moments_nobody_knows_says_what_is_missing(fields: str, reason: str) -> None:
    content = f"#Fields: {fields}\n10:05:03 198.51.100.7 x\n".encode()
    assert list(access_log(io.BytesIO(content))) == [UnreadableLine(line=2, reason=reason)]


def test_a_time_that_is_none_costs_its_line_alone() -> None:
    content = f"#Date: 2026-05-17\n{FIELDS}\n23:00:00 192.0.2.1 / x\n25:99 192.0.2.1 / x\n00:00:00 192.0.2.1 / x\n"
    first, bad, last = access_log(io.BytesIO(content.encode()))
    assert bad == UnreadableLine(line=4, reason="time stamp is no date")
    assert isinstance(first, BotEvent)
    assert isinstance(last, BotEvent)
    assert (last.ts or 0) - (first.ts or 0) == 3_600


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "17/05/2026", "2026-02-30", "-"])
def test_no_date_is_a_crash(day: str) -> None:
    lines = [f"#Date: {day}", FIELDS, *(f"{time} 192.0.2.1 / x" for time in ("23:00", "00:00", "23:59", "00:01"))]
    assert len(list(access_log(io.BytesIO("\n".join(lines).encode()), client_ip="peer"))) == 4


def test_the_day_is_known_to_a_run_that_resumes(tmp_path: Path) -> None:
    """Wherever the last run ended: before midnight, right behind it, or a day later."""
    path = tmp_path / "u_ex.log"
    hours = [f"{hour % 24:02}:{hour % 60:02}:00" for hour in range(9, 70)]
    path.write_text("\n".join(["#Date: 2026-05-17", FIELDS, *(f"{time} 192.0.2.1 / x" for time in hours), ""]))
    whole = list(access_log(path, client_ip="peer"))
    assert isinstance(whole[-1], BotEvent)
    assert whole[-1].ts == MIDNIGHT.timestamp() + 45 * 3_600 + 9 * 60
    for taken in range(1, len(whole), 7):
        first: Any = access_log(path, client_ip="peer")
        items = first.open(first.locate(()))
        before = [next(items) for _ in range(taken)]
        last: Any = access_log(path, client_ip="peer")
        place = first.position(before[-1])
        rest = last.open(last.locate([type(last.locate(()))(name=last.name, position=place)]))
        assert [*before, *rest] == whole


@given(st.lists(st.integers(0, 22 * 3_600), min_size=1, max_size=20))
def test_a_log_in_order_is_read_in_order(gaps: list[int]) -> None:
    """As long as something happens in 22 hours."""
    moment, expected, lines = MIDNIGHT - timedelta(days=1), [], []
    for gap in gaps:
        moment += timedelta(seconds=gap)
        expected.append(moment.strftime("%d %H:%M:%S"))
        lines.append(moment.strftime("%H:%M:%S"))
    assert times("#Date: 2026-05-17 00:00:00", FIELDS, *lines) == expected


CLOUDFRONT = "#Fields: date time c-ip cs-uri-stem cs(User-Agent) x-edge-request-id"


def agent(fields: str, sent: str, delimiter: str = " ") -> str:
    """The user agent of a line."""
    line = delimiter.join(["2026-05-17", "10:05:03", "198.51.100.7", "/c/1", sent, "r"])
    (found,) = access_log(io.BytesIO(f"{fields}\n{line}\n".encode()), format="w3c", client_ip="peer")
    assert isinstance(found, BotEvent), found
    return str(found.uas)


BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        ("Mozilla/5.0+(X11)", "Mozilla/5.0 (X11)"),
        ("Mozilla/5.0+(compatible;+Googlebot/2.1;++http://www.google.com/bot.html)", BOT),
        ("Bot/1.0+(+https://example.com)", "Bot/1.0 (+https://example.com)"),
        ("My%20App/1.0+CFNetwork/1240.0.4+Darwin/20.6.0", "My%20App/1.0 CFNetwork/1240.0.4 Darwin/20.6.0"),
        # Of servers that are not IIS.
        ("Mozilla/5.0%20(compatible;%20Googlebot/2.1;%20+http://www.google.com/bot.html)", BOT),
        ('"Mozilla/5.0 (a+b)"', "Mozilla/5.0 (a+b)"),
    ],
)
def test_a_user_agent_of_iis_keeps_what_was_sent(sent: str, wanted: str) -> None:
    assert agent("#Fields: date time c-ip cs-uri-stem cs(User-Agent) s-ip", sent) == wanted


@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        ("Mozilla/5.0%20(compatible;%20Googlebot/2.1;%20+http://www.google.com/bot.html)", BOT),
        ("Foo+Bar/1.0", "Foo+Bar/1.0"),
        ("Foo/%22x%22", 'Foo/"x"'),
        ("My%2520App/1.0%20CFNetwork/1240.0.4", "My%20App/1.0 CFNetwork/1240.0.4"),
    ],
)
@pytest.mark.parametrize("delimiter", ["\t", " ", ",", "|"])
def test_a_user_agent_of_cloudfront_has_blanks_where_it_had_blanks(sent: str, wanted: str, delimiter: str) -> None:
    assert agent(CLOUDFRONT, sent, delimiter) == wanted


STANDARD = (
    "2026-05-17\t10:05:03\tFRA56-P1\t512\t198.51.100.7\tGET\td1.cloudfront.net\t/c/1\t302\t-\tMozilla/5.0%20(X11)\tx=2"
    "\t-\tMiss\tid-1==\twww.example.com\thttps\t23\t0.001\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tMiss\tHTTP/2.0"
)
LATER = "\t-\t-\t55220\t0.001\tMiss\ttext/html\t0\t-\t-"
IN_REAL_TIME = (
    "1779012303.123\t198.51.100.7\t0.001\t302\t512\tGET\thttps\twww.example.com\t/c/1?x=2\t23\tFRA56-P1\tid-1==\t"
    "d1.cloudfront.net\t0.001\tHTTP/2.0\tIPv4\tMozilla/5.0%20(X11)\t-\t-\tx=2\tMiss\t-\tTLSv1.3\tTLS_AES\tMiss\t-\t-\t"
    "text/html\t0\t-\t-\t55220\tMiss\tDE\tgzip\t*/*\t*\tHost:www.example.com%0A\tHost%0A\t1"
)
IIS = "2026-05-17 10:05:03 10.0.0.4 GET /c/1 x=2 443 - 198.51.100.7 Mozilla/5.0+(X11) - 302 0 0 15"


@pytest.mark.parametrize(
    "line",
    [STANDARD, f"{STANDARD}\t-\t-", f"{STANDARD}{LATER}", IN_REAL_TIME, f"{IN_REAL_TIME}\tDist1\t0.001", IIS],
    ids=["24 columns", "26 columns", "33 columns", "in real time", "in real time, with more", "IIS"],
)
@pytest.mark.parametrize("reader", [access_log, read])
def test_the_columns_of_a_server_by_default_need_no_line_that_names_them(reader: Any, line: str) -> None:
    """`grep -v '^#'` has taken it out, or `tail -f` never shows it; logs in real time have none."""
    for event in reader(io.BytesIO(f"{line}\n".encode() * 3)):
        assert (event.ip, event.uas, event.ts) == ("198.51.100.7", "Mozilla/5.0 (X11)", 1_779_012_303)
        assert event.attributes["url"] == "/c/1?x=2"
        assert line is IIS or event.event_id == "id-1=="


def test_a_file_that_begins_in_the_middle_is_read_up_to_the_next_names() -> None:
    """Its columns are other ones from there on."""
    named = "#Fields: date time c-ip cs-uri-stem cs(User-Agent)\n2026-05-17 10:05:03 198.51.100.8 /c/2 x\n"
    found = list(read(io.BytesIO(f"{IIS}\n{named}".encode() * 2)))
    assert [getattr(item, "ip", None) for item in found] == ["198.51.100.7", "198.51.100.8", None, "198.51.100.8"]


FORMAT = "#Fields: timestamp, c-ip, cs-uri-stem, cs-user-agent, sc-status"


@pytest.mark.parametrize("reader", [access_log, read])
def test_columns_may_be_given_as_the_format(reader: Any) -> None:
    """Logs in real time have those that somebody chose, and nothing in them tells which."""
    (event,) = reader(io.BytesIO(b"1779012303.123\t198.51.100.7\t/c/1\tMozilla/5.0%20(X11)\t302\n"), format=FORMAT)
    assert (event.ip, event.uas, event.ts) == ("198.51.100.7", "Mozilla/5.0 (X11)", 1_779_012_303)


def test_it_is_said_that_they_may() -> None:
    (bad,) = access_log(io.BytesIO(b"2026-05-17 10:05:03 198.51.100.7 /c/1 Mozilla/5.0+(X11)\n"), format="w3c")
    assert isinstance(bad, UnreadableLine)
    assert "format='#Fields: date time …'" in bad.reason
    (bad,) = access_log(io.BytesIO(b"10:05:03 198.51.100.7 /c/1\n"), format="#Fields: time c-ip cs-uri-stem")
    assert isinstance(bad, UnreadableLine)
    assert "lack cs(User-Agent)" in bad.reason


@pytest.mark.anyio
async def test_directives_alone_wait_for_what_follows(tmp_path: Path) -> None:
    """The server has just begun the file: its first line was rejected, and that of one file in two runs."""
    path, seen = tmp_path / "u_ex260517.log", Seen()
    fields = "#Version: 1.0\r\n#Fields: date time c-ip cs-uri-stem cs(User-Agent)\r\n"
    whole = f"{fields}2026-05-17 10:05:03 198.51.100.7 / x\r\n"
    for content in (whole[:22], whole[:-10], whole):
        path.write_text(content, newline="")
        report = await submit(read(path), seen, tmp_path / "journal")
        assert report.rejected == 0
    assert report.accepted == 1


def test_a_line_that_was_cut_off_is_none_of_the_server_by_default() -> None:
    for line in (STANDARD.rpartition("\t")[0], IIS.rpartition(" ")[0], STANDARD.replace("198.51.100.7", "-")):
        (bad,) = access_log(io.BytesIO(line.encode()), format="w3c")
        assert isinstance(bad, UnreadableLine)
