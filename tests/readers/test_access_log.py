"""Apache's and nginx's combined log format: what becomes an event, and what is said of a line that does not."""

from __future__ import annotations

import gzip
import io
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.events.ids import event_id_for
from omnivery.events.ip_address import plain_address
from omnivery.readers import access_log

REAL_LOG = Path(__file__).parents[3] / "shared" / "data" / "access_log.gz"


def line(
    *,
    host: bytes = b"192.0.2.1",
    user: bytes = b"-",
    time: bytes = b"17/May/2015:10:05:03 +0000",
    request: bytes = b"GET /a?b=c HTTP/1.1",
    agent: bytes = b"Agent/1.0",
    after: bytes = b"",
) -> bytes:
    """One log line, good unless told otherwise."""
    return b'%s - %s [%s] "%s" 200 512 "http://example.com/" "%s"%s' % (host, user, time, request, agent, after)


def items(content: bytes) -> list[BotEvent | UnreadableLine]:
    """Everything that the reader makes of a log."""
    return list(access_log(io.BytesIO(content)))


def event(content: bytes) -> BotEvent:
    """The one event of a line."""
    (item,) = items(content)
    assert isinstance(item, BotEvent), item
    return item


def reason(content: bytes) -> str:
    """Why the one line is unreadable."""
    (item,) = items(content)
    assert isinstance(item, UnreadableLine), item
    return item.reason


def test_a_line_becomes_a_click() -> None:
    """Every field that the log knows, and nothing that it does not."""
    assert event(line()) == BotEvent(
        ip="192.0.2.1",
        uas="Agent/1.0",
        event_id=event_id_for(ip="192.0.2.1", uas="Agent/1.0", ts=1431857103, url="/a?b=c", position=1),
        action="click",
        ts=1431857103,
        attributes={"url": "/a?b=c", "line": 1},
    )


def test_equal_lines_are_different_interactions_with_the_same_ids_at_every_reading() -> None:
    """Verdicts are keyed by `event_id`: two clicks in one second must not become one."""
    log = b"\n".join([line()] * 3)
    first, again = ([event.event_id for event in items(log) if isinstance(event, BotEvent)] for _ in range(2))
    assert len(set(first)) == 3
    assert again == first


def test_ids_stay_when_the_log_grows_or_is_packed() -> None:
    """A log read every hour, and once more after rotation, yields the ids that are already known."""
    short, grown = line() + b"\n" + line(), line() + b"\n" + line() + b"\n" + line(agent=b"Late")
    assert items(grown)[:2] == items(short) == items(gzip.compress(grown))[:2]


@pytest.mark.parametrize(
    ("logged", "meant"),
    [
        (rb"\"quoted\"", '"quoted"'),
        (rb"back\\slash", "back\\slash"),
        (rb"ends with \\", "ends with \\"),
        (rb"\\x41 is no escape", "\\x41 is no escape"),
        (rb"tab\tline\nreturn\rbell\bfeed\v", "tab\tline\nreturn\rbell\bfeed\v"),
        (rb"caf\xc3\xa9", "café"),
        (rb"caf\xC3\xA9 by nginx", "café by nginx"),
        (b"caf\xc3\xa9 unescaped", "café unescaped"),
        (rb"latin caf\xe9", "latin caf\\xe9"),
        (b"latin raw caf\xe9", "latin raw caf\\xe9"),
        (rb"unknown \q stays", "unknown \\q stays"),
        (b"-", "-"),
        (b"", "-"),
    ],
)
def test_the_servers_escapes_in_the_user_agent_are_undone(logged: bytes, meant: str) -> None:
    """The service compares user agents with those that it knows: it has to see what the client sent."""
    assert event(line(agent=logged)).uas == meant


@pytest.mark.parametrize(
    ("request_line", "url"),
    [
        (b"GET / HTTP/1.0", "/"),
        (b"GET / HTTP/2", "/"),
        (rb"GET /caf\xc3\xa9\"x HTTP/1.1", '/café"x'),
        (b"OPTIONS * HTTP/1.1", "*"),
        (b"GET http://example.com/x HTTP/1.1", "http://example.com/x"),
        (b"-", None),
        (b"", None),
        (b"GET /with blank HTTP/1.1", "/with blank"),
        (b"GET /old", "/old"),
        (b"GET https://example.com/old", "https://example.com/old"),
        (b"GET http://www.example.com:80- -", None),  # of a load balancer
        (b"quit now", None),
        (rb"\x16\x03\x01\x02", None),
    ],
)
def test_the_url_is_left_out_where_the_request_line_is_malformed(request_line: bytes, url: str | None) -> None:
    """Probes and TLS on the wrong port are interactions as well: the event stands, without an invented URL."""
    attributes = {"line": 1} if url is None else {"url": url, "line": 1}
    assert event(line(request=request_line)).attributes == attributes


def test_fields_after_the_user_agent_are_ignored() -> None:
    """Many sites append durations, host names or cookies, with escaped quotes inside."""
    assert event(line(after=rb' "a \" b" 0.003 -')) == event(line())


@pytest.mark.parametrize(
    "user",
    [
        b"ann",
        b"ann smith",
        b"a[1] b",
        b"",
        b'""',
        rb"a\"b",
        rb"\"",
        rb"a\\",
        b"a - b",
        b"caf\xc3\xa9",
        rb"caf\xc3\xa9",
        b'"ann"',
        rb'"ann \"x\" smith"',
    ],
)
def test_a_user_name_may_hold_anything_that_servers_log(user: bytes) -> None:
    """Names come from the client, blanks and quotes included; Apache logs an empty one as two quotes."""
    assert event(line(user=user)) == event(line())


def test_a_user_name_cannot_make_up_a_request() -> None:
    """A client of a server chooses the name, and its quotes are escaped."""
    forged = rb"x [17/May/2026:10:05:03 +0000] \"GET /evil HTTP/1.1\" 200 1"
    assert event(line(user=forged)) == event(line())


@pytest.mark.parametrize(
    ("host", "ip"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("::1", "::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("198.51.100.7:55220", "198.51.100.7"),
        ("[2001:db8::7]:55220", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("\0" * 64 + "198.51.100.7", "198.51.100.7"),
        ("mail.example.com:443 198.51.100.7", "198.51.100.7"),
        ("mail.example.com 2001:db8::7", "2001:db8::7"),
        ("443 198.51.100.7", "198.51.100.7"),
    ],
)
def test_the_client_is_the_address_in_its_field(host: str, ip: str) -> None:
    """With a port, a zone, NULs of a file that was emptied, and with the virtual host in front."""
    assert event(line(host=host.encode())).ip == ip


@pytest.mark.parametrize(
    ("host", "why"),
    [
        (b"host.example.com", "the client is a host name, not an IP address (HostnameLookups is on?)"),
        (b"1.2.3", "the client is not an IPv4 or IPv6 address"),
        (b"\xff", "the client is not an IPv4 or IPv6 address"),
        (b"-", "no client address"),
        (b"unknown", "no client address"),
        (b"unix:", "the request came over a Unix socket, which has no client address"),
        (b"198.51.100.7, 203.0.113.9", "the client field holds a list of addresses"),
        (b'"198.51.100.7, 203.0.113.9"', "the client field holds a list of addresses"),
        (b"192.0.2.1 198.51.100.7", "not in combined log format"),
    ],
)
def test_a_client_that_is_no_address_is_told(host: bytes, why: str) -> None:
    """The service needs an address; a name looked up now might be another's, and of two addresses one is a proxy's."""
    assert reason(line(host=host)).startswith(why)


@pytest.mark.parametrize(
    ("time", "ts"),
    [
        (b"01/Jan/1970:00:00:00 +0000", 0),
        (b"29/Feb/2024:23:59:59 +0000", 1709251199),
        (b"17/May/2015:12:05:03 +0200", 1431857103),
        (b"17/May/2015:04:35:03 -0530", 1431857103),
        (b"31/Dec/2016:23:59:60 +0000", 1483228800),
        (b"17/May/2015:10:05:03.123 +0000", 1431857103),
        (b"17/May/2015:10:05:03 Z", 1431857103),
        (b"7/May/2015:10:05:03 +0000", 1430993103),
        (b"2015-05-17T12:05:03+02:00", 1431857103),
        (b"2015-05-17T10:05:03.999Z", 1431857103),
        (b"2015-05-17 10:05:03 +0000", 1431857103),
        (b"1431857103.123", 1431857103),
    ],
)
def test_time_stamps_are_unix_seconds_whatever_their_zone(time: bytes, ts: int) -> None:
    """Servers log local time with its offset, some in another form; a leap second is the next day's first (POSIX)."""
    assert event(line(time=time)).ts == ts


@pytest.mark.parametrize(
    "time",
    [
        b"31/Feb/2015:10:05:03 +0000",
        b"29/Feb/2023:10:05:03 +0000",
        b"00/May/2015:10:05:03 +0000",
        b"17/Mai/2015:10:05:03 +0000",
        b"17/May/0000:10:05:03 +0000",
        b"17/May/2015:24:05:03 +0000",
        b"17/May/2015:10:60:03 +0000",
        b"17/May/2015:10:05:61 +0000",
        b"17/May/2015:10:05:03 +2500",
        b"17/May/2015:10:05:03",
        b"2015-05-17T10:05:03",
        b"2015-05-17 10:05:03",
        b"2015-13-17T10:05:03Z",
        b"17/May/2015:10:05:03.",
        b"1_/May/2015:10:05:03 +0000",
        b"-",
    ],
)
def test_a_time_stamp_that_is_no_date_is_told(time: bytes) -> None:
    """Guessing would put the click into another minute, where no honeypot hit stands beside it."""
    assert reason(line(time=time)) == "time stamp is no date"


COMMON = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 512'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (COMMON + b' "-" "Mozilla/5.0 (comp', "cut off inside the user agent"),
        (COMMON + b' "-" "Mozilla \\', "cut off inside the user agent"),
        (COMMON + b' "-" "', "cut off inside the user agent"),
        (COMMON + b' "http://exam', "cut off inside the referrer"),
        (COMMON, "no user agent field: common rather than combined format?"),
        (COMMON + b' "-"', "no user agent field: common rather than combined format?"),
        (b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /ind', "cut off inside the request"),
        (b"192.0.2.1 - - [17/May", "cut off inside the time"),
        (b"192.0.2.1 - ", "not in combined log format"),
        (COMMON + b' "-" "Agent"x', "not in combined log format"),
        (b"hello", "not in combined log format"),
        (b"\xff\x00\x01", "not in combined log format"),
    ],
)
def test_the_reason_says_what_is_missing(content: bytes, expected: str) -> None:
    """One glance tells a torn line from a wrong format; and none of the line's content travels into a log."""
    assert reason(content) == expected


def test_two_lines_torn_into_one_do_not_lend_each_other_their_fields() -> None:
    """A server killed in mid-line goes on in the same line: one client's address, another's user agent."""
    whole = line(host=b"192.0.2.1")
    for cut in range(9, len(whole)):
        found = items(whole[:cut] + line(host=b"198.51.100.7", agent=b"Other"))
        assert [type(item) for item in found] == [UnreadableLine], cut


def test_a_bad_line_does_not_disturb_its_neighbours() -> None:
    """It is counted where it stands, and reading goes on."""
    good_bad_good = items(line() + b"\nbad\n\n" + line())
    assert [type(item) for item in good_bad_good] == [BotEvent, UnreadableLine, BotEvent]
    assert good_bad_good[1] == UnreadableLine(line=2, reason="not in combined log format")
    assert isinstance(good_bad_good[2], BotEvent)
    assert good_bad_good[2].attributes == {"url": "/a?b=c", "line": 4}


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.lists(st.binary(max_size=80) | st.builds(lambda cut: line()[:cut] + b"\xff" * (cut % 3), st.integers(0, 140)))
)
def test_any_bytes_yield_exactly_one_item_a_line_that_is_not_blank(lines: list[bytes]) -> None:
    """Never a crash, never silence."""
    content = b"#\n" + b"\n".join(lines)  # the first line keeps gzip's magic bytes and the byte order mark out
    texts = (re.sub(rb"^(?:\0|\xef\xbb\xbf)+", b"", text) for text in content.split(b"\n"))
    expected = [number for number, text in enumerate(texts, 1) if text.strip()]
    read = access_log(io.BytesIO(content), format="combined")
    found = [item.line if isinstance(item, UnreadableLine) else (item.attributes or {})["line"] for item in read]
    assert found == expected


def logged_as_apache_does(text: str) -> bytes:
    """Escape as `ap_escape_logitem` does: https://httpd.apache.org/docs/current/mod/mod_log_config.html#formats."""
    named = {"\b": rb"\b", "\n": rb"\n", "\r": rb"\r", "\t": rb"\t", "\v": rb"\v", "\\": rb"\\", '"': rb"\""}
    return b"".join(
        named.get(char)
        or (char.encode() if " " <= char <= "~" else b"".join(b"\\x%02x" % code for code in char.encode()))
        for char in text
    )


@settings(deadline=None)  # a busy machine is no failure
@given(
    ip=st.ip_addresses().map(str),
    uas=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    when=st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)),  # noqa: DTZ001 (the zone is drawn beside it)
    offset=st.integers(-14 * 60, 14 * 60),
)
def test_what_apache_logged_is_what_comes_out(ip: str, uas: str, when: datetime, offset: int) -> None:
    """Quotes, backslashes, line breaks and every script survive the way through a log."""
    local = when.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=offset)))
    found = event(
        line(host=ip.encode(), time=local.strftime("%d/%b/%Y:%H:%M:%S %z").encode(), agent=logged_as_apache_does(uas))
    )
    assert (found.ip, found.uas, found.ts) == (plain_address(ip), uas, int(local.astimezone(UTC).timestamp()))


@pytest.mark.skipif(not REAL_LOG.exists(), reason="the real log is not part of the project")
class TestARealLog:
    """Ten thousand lines that a real server wrote, one of them torn."""

    def test_its_one_damaged_line_is_told_and_all_others_are_events(self) -> None:
        """The whole point of the reader, on input that nobody made for it."""
        found = list(access_log(REAL_LOG))
        assert len(found) == 10_000
        assert [item for item in found if isinstance(item, UnreadableLine)] == [
            UnreadableLine(line=8899, reason="cut off inside the user agent")
        ]

    def test_every_event_has_its_own_id_and_the_same_one_at_the_next_reading(self) -> None:
        """Some of its lines occur more than once to the letter."""
        first, again = (
            [item.event_id for item in access_log(REAL_LOG) if isinstance(item, BotEvent)] for _ in range(2)
        )
        assert len(set(first)) == len(first) == 9999
        assert again == first

    def test_an_unknown_user_agent_travels_as_it_was_logged(self) -> None:
        """A client that sends none is a strong hint: it must not be dropped for an empty field."""
        agents = [item.uas for item in access_log(REAL_LOG) if isinstance(item, BotEvent)]
        assert "-" in agents
        assert all(agents)
