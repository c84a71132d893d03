"""Cells that databases and frames write where there is no value."""

from __future__ import annotations

import io

import pytest

from omnivery.events.event import BotEvent
from omnivery.readers import csv


@pytest.mark.parametrize("null", ["", "\\N", "NULL", "null", "NaT", "nan", " NULL "])
@pytest.mark.parametrize("quoted", ["x", '"a ""b"""', '"two\nlines"'])
def test_a_time_without_a_value_costs_no_row(null: str, quoted: str) -> None:
    """As databases and frames export what they have none of."""
    rows = ["ip,uas,event_id,ts,message_ts", f"192.0.2.1,{quoted},1,1779012303,{null}"]
    content = "\n".join([*rows, f"192.0.2.1,{quoted},2,{null},1779012303", ""])
    first, second = csv(io.BytesIO(content.encode()))
    assert isinstance(first, BotEvent)
    assert isinstance(second, BotEvent)
    assert (first.ts, first.message_ts, second.ts, second.message_ts) == (1_779_012_303, None, None, 1_779_012_303)


def test_what_databases_write_for_nothing_is_nothing_in_any_column() -> None:
    """But a word may be meant: a user agent can be any."""
    content = b"ip,uas,event_id,domain,own\n192.0.2.1,NULL,1,\\N,\\N\n192.0.2.1,a\\Nb,2,NULL,NULL\n"
    first, second = csv(io.BytesIO(content))
    assert first == BotEvent(ip="192.0.2.1", uas="NULL", event_id="1", attributes={"own": None})
    assert second == BotEvent(ip="192.0.2.1", uas="a\\Nb", event_id="2", domain="NULL", attributes={"own": "NULL"})


def test_a_text_that_a_spreadsheet_must_not_take_for_a_number_is_that_text() -> None:
    """Ids went out as `="007"`, and verdicts of them matched nothing."""
    header, rest = "ip,uas,event_id,own", ',="b"c,"=""d"'
    quoted = '"=""192.0.2.1""",x,"=""007""","=""a"""'
    content = f'{header}\n="192.0.2.1",x,="007",="a"\n{quoted}\n192.0.2.1,x{rest}\n192.0.2.1,"x\n=",=""'
    first, second, odd, bare = csv(io.BytesIO(f'{content},="\n'.encode()))
    assert first == second == BotEvent(ip="192.0.2.1", uas="x", event_id="007", attributes={"own": "a"})
    assert isinstance(odd, BotEvent)
    assert (odd.event_id, odd.attributes) == ('="b"c', {"own": '="d'})
    assert isinstance(bare, BotEvent)
    assert (bare.event_id, bare.attributes) == (None, {"own": '="'})
