"""Names of columns: an event's fields in any case, and the user's own as they are."""

from __future__ import annotations

import io

import pytest

from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers import arrow, csv, read
from omnivery.readers._columns import in_any_case

EVENT = BotEvent(ip="192.0.2.1", uas="x", event_id="1", ts=5, attributes={"Own": "a"})


@pytest.mark.parametrize("header", ["IP,UAS,EVENT_ID,TS,Own", "Ip,Uas,Event_Id,Ts,Own", "ip,uas,event_id,ts,Own"])
@pytest.mark.parametrize("before", ["", "sep=,\n", "Clicks of May\n\n"])
def test_names_of_fields_may_be_in_capitals(header: str, before: str) -> None:
    """Snowflake and Oracle export them so."""
    row = "192.0.2.1,x,1,5,a\n"
    content = f"{before}{header}\n{row}{header}\n{row}".encode()
    for reader in (csv, read):
        found = reader(io.BytesIO(content))
        assert list(found) == [EVENT, EVENT]
        assert found.skipped["header"] == 2 + before.count("Clicks") + before.count("sep")


def test_a_frame_may_have_them_in_capitals() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"IP": ["192.0.2.1"], "UAS": ["x"], "EVENT_ID": ["1"], "TS": [5], "Own": ["a"]})
    assert list(arrow(frame)) == [EVENT]
    frame = frame.rename({"IP": "CLIENT"})
    assert list(arrow(frame, columns={"CLIENT": "ip"})) == [EVENT]


@pytest.mark.parametrize(
    ("names", "called"),
    [
        (["IP", "UAS"], ["ip", "uas"]),
        (["IP", "uas"], ["IP", "uas"]),
        (["TCP", "IP"], ["TCP", "IP"]),
        (["IP", "Ip", "UAS", "EVENT_ID"], ["IP", "Ip", "uas", "event_id"]),
        (["IP", "UAS", "URL"], ["ip", "uas", "URL"]),
        ([], []),
    ],
)
def test_other_names_stay_as_they_are(names: list[str], called: list[str]) -> None:
    assert in_any_case(names) == called


def test_a_word_by_chance_makes_no_table() -> None:
    assert all(isinstance(one, UnreadableLine) for one in read(io.BytesIO(b"TCP,IP\n1,2\n")))
