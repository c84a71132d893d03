"""JSON that servers write without heeding JSON's rules."""

from __future__ import annotations

import io
import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.events.validation import fault_of
from omnivery.readers import access_log, ndjson
from omnivery.readers._json_repair import repaired

LINE = (
    b'{"msec":1779012303.123,"took":%b,"remote_addr":"198.51.100.7","request":"GET /c/1 HTTP/1.1",'
    b'"http_user_agent":"%b"}\n'
)


def read_one(agent: bytes, took: bytes = b"0.1") -> Any:
    good = LINE % (b"1", b"x")
    items = list(access_log(io.BytesIO(good * 3 + LINE % (took, agent) + good), client_ip="peer"))
    assert len(items) == 5
    return items[3]


@pytest.mark.parametrize(
    ("logged", "meant"),
    [
        (b"a\xe4", "a\\xe4"),
        (b"\\\\\xe4", "\\\\xe4"),
        (b"\xc3\xa4\xff", "\u00e4\\xff"),
        (b"a\\x22b\\x5C\\xC3\\xA4", 'a"b\\\u00e4'),
        (b"\\\\x22", "\\x22"),
        (b"a\tb\x01", "a\tb\x01"),
        (b"\\ud83d", "\\ud83d"),
        (b"\\ud83d\\ude00\xff", "\U0001f600\\xff"),
        (b"\\u00e4\\/\\n\xff", "\u00e4/\n\\xff"),
        (b'a\\"b\xff', 'a"b\\xff'),
        (b":-,\xff", ":-,\\xff"),
    ],
)
def test_no_user_agent_hides_a_request(logged: bytes, meant: str) -> None:
    """Who sends bytes that are no text would be in no batch, and never be judged."""
    event = read_one(logged)
    assert isinstance(event, BotEvent)
    assert (event.ip, event.uas, event.ts) == ("198.51.100.7", meant, 1_779_012_303)
    assert fault_of(event) is None


@pytest.mark.parametrize("took", [b"-", b"", b"0.001, 0.002", b"0.001 : 0.002", b" - "])
def test_a_variable_without_a_value_costs_no_line(took: bytes) -> None:
    event = read_one(b"x", took)
    assert isinstance(event, BotEvent)
    assert event.uas == "x"


@pytest.mark.parametrize("took", [b'"', b"{", b"]", b"x"])
def test_what_cannot_be_repaired_costs_its_line_alone(took: bytes) -> None:
    assert read_one(b"x", took) == UnreadableLine(line=4, reason="not JSON")


@pytest.mark.parametrize("agent", [b"a\xe4", b"a\x01", b"a\\ud83d", b"a\\xe4"])
def test_nor_does_it_hide_an_event_in_names_of_ones_own(agent: bytes) -> None:
    line = b'{"client":"192.0.2.1","agent":"%b","id":12345678901234567890}\n' % agent
    (event,) = ndjson(io.BytesIO(line), columns={"client": "ip", "agent": "uas", "id": "event_id"})
    assert isinstance(event, BotEvent)
    assert (event.ip, event.event_id, fault_of(event)) == ("192.0.2.1", "12345678901234567890", None)
    assert event.uas
    assert event.uas.startswith("a")


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none() | st.lists(st.floats(allow_nan=False))))
def test_json_is_left_as_it_is(value: dict[str, Any]) -> None:
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only)
        try:
            line = text.encode()
        except UnicodeEncodeError:
            continue
        assert json.loads(repaired(line)) == json.loads(text)


@given(st.binary(max_size=80) | st.text(alphabet='{}":,-\\xu0dD8 1.', max_size=60).map(str.encode))
def test_no_bytes_are_a_crash(line: bytes) -> None:
    repaired(line)


@pytest.mark.parametrize("piece", [b'\\"', b":1", b": ", b"\\", b'"', b"\\x", b"\\ud83d", b"\xff", b":1,"])
def test_no_line_is_looked_at_more_than_a_few_times(piece: bytes) -> None:
    started = process_time()
    repaired(b'{"a":"' + piece * 100_000)
    repaired(b'{"a":' + piece * 100_000)
    assert process_time() - started < 3
