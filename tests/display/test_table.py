"""Results in a notebook: one readable table, whatever strangers wrote into it, and nobody's data by the way."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery import BotEvent
from omnivery.automations import (
    BatchFailure,
    BatchReceipt,
    EventLine,
    Rejection,
    SubmitReport,
    SuppressionFailure,
    SuppressionReport,
    UnreadableLine,
    Verdict,
)
from omnivery.display import html
from omnivery.display.table import Table, plain, table_of
from omnivery.display.tabular import Tabular
from omnivery.errors import BadRequestError, ConfigError, NotSentError
from omnivery.events.event_list import EventList
from omnivery.mail.message import Message, Queued
from omnivery.mail.sending import SendOutcome, SendStatus
from omnivery.mail.webhook import Webhook
from omnivery.mailgun import Bounce, SendReport, StatsBucket, StatsTotal
from omnivery.transport.paging import ItemList, Page
from omnivery.webhooks import BotVerdicts
from tests.support.bots import pickled
from tests.support.mailgun import client_of, service
from tests.test_house import loaded_by

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[2J\u202e'
QUOTING = BadRequestError("'ann@example.com' is no address; ov-token: s3cret", status=400)
"""Servers quote what they were sent."""


@define
class Shown(HTMLParser):
    """What a browser makes of a table; fails on HTML that is not whole, and on whatever runs or loads something."""

    rows: list[list[str]] = field(factory=list[list[str]])
    styles: list[list[str]] = field(factory=list[list[str]])
    head: list[str] = field(factory=list[str])
    around: str = ""
    _open: list[str] = field(factory=list[str])

    def __attrs_post_init__(self) -> None:
        HTMLParser.__init__(self)

    @classmethod
    def of(cls, source: str) -> Shown:
        shown = cls()
        shown.feed(source)
        shown.close()
        assert shown._open == []
        assert source.count("<table>") == 1
        assert len(shown.rows) <= 20
        assert all(len(row) == len(shown.head) for row in shown.rows)
        return shown

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"div", "table", "caption", "strong", "thead", "tbody", "tr", "th", "td", "p"}
        assert {name for name, _ in attrs} <= {"style", "scope", "class"}
        assert "url(" not in str(attrs)
        if tag == "tr" and "tbody" in self._open:
            self.rows.append([])
            self.styles.append([])
        if tag == "td":
            self.rows[-1].append("")
            self.styles[-1].append(str(dict(attrs)["style"]))
        if tag == "th":
            self.head.append("")
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert data.isprintable()
        if self._open[-1] == "td":
            self.rows[-1][-1] += data
        elif self._open[-1] == "th":
            self.head[-1] += data
        else:
            self.around += data


def shown(value: Tabular) -> Shown:
    """A result as a notebook shows it."""
    return Shown.of(value._repr_html_())


def rendered(*rows: Any, columns: tuple[str, ...] = ("x",), **options: Any) -> Shown:
    return Shown.of(html.render(Table(title="T", columns=columns, rows=rows, **options)))


# The table itself


def test_what_strangers_wrote_stays_text() -> None:
    """A user agent is whatever a client says, and a notebook runs what it is shown as HTML."""
    found = rendered((HOSTILE,), columns=(HOSTILE,), caption=HOSTILE)
    for text in (found.rows[0][0], found.head[0], found.around):
        assert "<script>alert(1)</script>" in text
        assert "\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}" in text


def test_dollar_signs_make_no_formula() -> None:
    """Jupyter sets formulas in a table's text, too, unless it is told not to: MathJax's own class names."""
    source = html.render(Table(title="T", columns=("x",), rows=[(r"$\href{javascript:alert(1)}{x}$",)]))
    assert source.startswith('<div class="tex2jax_ignore mathjax_ignore"')


def test_twenty_rows_are_shown_and_the_rest_is_counted() -> None:
    found = rendered(*([number] for number in range(1254)))
    assert [row[0] for row in found.rows] == [str(number) for number in range(20)]
    assert "… and 1,234 more rows" in found.around
    assert "more" not in rendered(*([number] for number in range(20))).around
    assert "… and 1 more row" in rendered([1], total=2).around


def test_long_text_is_cut_and_stands_nowhere_whole() -> None:
    found = html.render(Table(title="T", columns=("x",), rows=[("a" * 79 + "bc",)]))
    assert Shown.of(found).rows == [["a" * 79 + "…"]]
    assert "b" not in found.rpartition("<tbody>")[2].partition("</tbody>")[0].replace("tbody", "")


def test_in_wide_tables_text_is_cut_sooner_or_one_column_would_fill_the_page() -> None:
    narrow, wide = (rendered(("a" * 99,) * count, columns=tuple("abcdefg"[:count])) for count in (6, 7))
    assert {len(text) for text in narrow.rows[0]} == {80}
    assert {len(text) for text in wide.rows[0]} == {40}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("https://hooks.example.com/s3cret/x", "https://hooks.example.com/…"),
        ("https://ann:s3cret@example.com", "https://example.com"),
        ("https://ann:s3cr@t@example.com:8080/x", "https://example.com:8080/…"),
        ("https://example.com?token=s3cret@x", "https://example.com/…"),
        ('["https://a.example/s3cret","https://b.example"]', '["https://a.example/…","https://b.example"]'),
        (
            "Mozilla/5.0 (compatible; +http://example.com/bot.html) x",
            "Mozilla/5.0 (compatible; +http://example.com/… x",
        ),
    ],
)
def test_addresses_of_the_web_are_shown_up_to_their_host(text: str, seen: str) -> None:
    """Many a URL holds a secret, and notebooks are committed with what they show."""
    assert rendered((text,)).rows == [[seen]]


def test_a_url_is_cut_at_its_host_before_the_text_is_cut_at_its_length() -> None:
    """Cut in its middle, nothing would tell a password from a host."""
    assert "s3cret" not in str(rendered(("x" * 60 + "https://ann:s3cret" + "y" * 99 + "@example.com",)).rows)


def test_bars_are_as_long_as_their_numbers() -> None:
    numbers: list[Any] = [200, 50, 0, None, True, -3, float("nan"), float("inf"), 10**400, "text"]
    found = rendered(*([number] for number in numbers), bars=("x",))
    lengths = [re.findall(r"[\d.]+(?=%)", style[0])[:1] for style in found.styles]
    assert lengths == [["100"], ["25"], ["0"], [], [], [], [], [], [], []]
    assert rendered((0,), bars=("x",)).rows == [["0"]]
    assert "gradient" not in str(rendered((1,)).styles)


def test_columns_that_say_nothing_are_left_out_and_there_are_not_too_many() -> None:
    assert rendered((1, None), columns=("x", "y")).head == ["x"]
    assert rendered(columns=("x", "y")).head == ["x", "y"]
    wide = rendered(tuple(range(35)), columns=tuple(map(str, range(35))))
    assert (len(wide.head), "… and 5 more columns" in wide.around) == (30, True)


def test_cells_read_as_what_they_are() -> None:
    when = datetime(2026, 11, 22, 10, 30, 5, 999, tzinfo=UTC)
    found = rendered(
        (None, True, 0.123456789, when, {"a": [1]}, SendStatus.UNDELIVERED),
        ("", False, 1, "", "", ""),
        columns=tuple("abcdef"),
    )
    assert found.rows[0] == ["–", "true", "0.123457", "2026-11-22 10:30:05+00:00", '{"a":[1]}', "undelivered"]  # noqa: RUF001  # the dash that is shown


@pytest.mark.parametrize(
    ("columns", "rows"), [(("x", "x"), []), (("x\0",), []), (("x",), [(1, 2)]), (("x", "y"), [(1,)])]
)
def test_a_table_that_does_not_add_up_is_refused(columns: tuple[str, ...], rows: list[tuple[int, ...]]) -> None:
    with pytest.raises(ConfigError):
        Table(title="T", columns=columns, rows=rows)


def test_keys_that_are_no_text_become_names_each_once() -> None:
    """A data frame takes no other names. A NUL in one, which any sender of an event may put there, ends the process."""
    table = table_of("T", [{1: "a", "1": "b", "\ud800": "c", "?": "d", "x\0": "e"}])
    assert table.columns == ("1", "1'", "?", "?'", "x\N{REPLACEMENT CHARACTER}")
    assert table.rows == [("a", "b", "c", "d", "e")]


def test_any_value_becomes_one_that_a_cell_takes() -> None:
    circle: dict[str, Any] = {}
    circle["self"] = circle
    model = Bounce(address="a@d.e", extra={"x": 1})
    values: list[Any] = [{"b": {1}, 2: datetime(2026, 1, 1, tzinfo=UTC)}, (1, "x"), b"x", circle, {(1, 2): 3}]
    assert [plain(value) for value in values] == [
        '{"b":[1],"2":"2026-01-01T00:00:00+00:00"}',
        '[1,"x"]',
        "b'x'",
        "(dict without a JSON form)",
        "(dict without a JSON form)",
    ]
    assert json.loads(str(plain([model]))) == [
        {"address": "a@d.e", "code": None, "error": None, "created_at": None, "extra": {"x": 1}}
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(st.dictionaries(st.text(st.characters(), max_size=5), JSON, max_size=5), max_size=30)


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_whatever_comes_is_shown(rows: list[dict[str, Any]]) -> None:
    found = Shown.of(html.render(table_of("T", rows, bars=("", "0"))))
    assert len(found.rows) == min(20, len(rows))


# Accounts


def test_a_report_shows_where_the_events_went_and_the_first_troubles() -> None:
    report = SubmitReport(
        read=2000,
        accepted=1000,
        rejected=500,
        undelivered=500,
        batches=4,
        rejections=tuple(Rejection(index=number, line=number + 1, reason="no ip") for number in range(12)),
        failures=(BatchFailure(batch=3, events=500, error=QUOTING),),
        stopped_by=KeyError("MARKER"),
        undelivered_items=(BotEvent(ip="MARKER", uas="MARKER", event_id="MARKER"),) * 500,
    )
    found = shown(report)
    counts = [["read", "2,000"], ["accepted", "1,000"], ["rejected", "500"], ["undelivered", "500"]]
    assert [row[:2] for row in found.rows[:4]] == counts
    assert found.rows[4] == ["rejected: line 1", "1", "no ip"]
    assert found.rows[-1][:2] == ["undelivered: batch 3", "500"]
    assert "… and 492 more rows" in found.around
    assert "4 batches" in found.around
    assert "stopped by KeyError" in found.around


def test_a_report_without_trouble_is_four_rows() -> None:
    found = shown(SubmitReport(read=5, accepted=5))
    assert (len(found.rows), found.head) == (4, ["outcome", "count"])


def message(address: str) -> Message:
    return Message(from_="MARKER@example.com", to=[address], subject="MARKER", text="MARKER")


ACCOUNTS: list[Tabular] = [
    SubmitReport(
        read=2,
        rejected=1,
        undelivered=1,
        rejections=(Rejection(index=0, reason=f"the server refused it: {QUOTING}"),),
        failures=(BatchFailure(batch=0, events=1, error=QUOTING),),
        stopped_by=QUOTING,
        undelivered_items=(BotEvent(ip="MARKER", recipient_id="MARKER"),),
    ),
    BatchReceipt(accepted=1, rejections=(Rejection(index=0, reason=str(QUOTING)),), extra={"MARKER": "MARKER"}),
    SendReport(
        read=3,
        sent=1,
        rejected=1,
        unknown=1,
        outcomes=(
            SendOutcome(
                index=0, status=SendStatus.SENT, queued=Queued(id="<1@mail.example.com>", message="Queued MARKER")
            ),
            SendOutcome(index=1, status=SendStatus.REJECTED, error=QUOTING, message=message("MARKER@example.com")),
            SendOutcome(index=2, status=SendStatus.UNKNOWN, message=message("MARKER@example.com")),
        ),
        stopped_by=QUOTING,
    ),
    SuppressionReport(
        accepted=1, failures=(SuppressionFailure(error=QUOTING, records=({"address": "MARKER@example.com"},)),)
    ),
]


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: type(account).__name__)
def test_an_account_shows_and_exports_nobodys_address(account: Tabular) -> None:
    """Counts and reasons are what was asked for. The addresses are a call away, for who wants them."""
    for text in (account._repr_html_(), str(account._table().rows), str(account._overview())):
        assert "ann@" not in text
        assert "s3cret" not in text
        assert "MARKER" not in text
    assert "is no address" in account._repr_html_()


def test_a_report_of_sending_counts_fates() -> None:
    report = ACCOUNTS[2]
    assert [row[:2] for row in shown(report).rows] == [
        ["read", "3"],
        ["sent", "1"],
        ["rejected", "1"],
        ["unknown", "1"],
        ["undelivered", "0"],
        ["rejected: index 1", "1"],
        ["unknown: index 2", "1"],
    ]
    table = report._table()
    assert table.columns == ("index", "status", "id", "error")
    assert [row[:3] for row in table.rows] == [
        (0, SendStatus.SENT, "<1@mail.example.com>"),
        (1, SendStatus.REJECTED, None),
        (2, SendStatus.UNKNOWN, None),
    ]


def test_a_report_of_suppressions_counts_records() -> None:
    assert [row[:2] for row in shown(ACCOUNTS[3]).rows] == [
        ["read", "2"],
        ["accepted", "1"],
        ["rejected", "0"],
        ["undelivered", "1"],
        ["undelivered: failure 0", "1"],
    ]


# Data


def test_statistics_have_a_column_for_each_counter() -> None:
    stats = StatsTotal(
        resolution="day",
        start=datetime(2026, 11, 1, tzinfo=UTC),
        stats=(
            StatsBucket(time=datetime(2026, 11, 1, tzinfo=UTC), counters={"delivered": {"total": 1200, "smtp": 7}}),
            StatsBucket(counters={"delivered": {"total": 600}, "failed": {"permanent": {"bounce": 1}}}),
        ),
    )
    table = stats._table()
    assert table.columns == ("time", "delivered.total", "delivered.smtp", "failed.permanent.bounce")
    assert [row[1:] for row in table.rows] == [(1200, 7, None), (600, None, 1)]
    found = shown(stats)
    assert [row[1] for row in found.rows] == ["1,200", "600"]
    assert "50%" in found.styles[1][1]
    assert found.around == "Stats by day (2026-11-01 00:00)"


def test_verdicts_stand_beside_their_events() -> None:
    request = {"event_id": "e1", "ip": "192.0.2.1", "campaign": "x", "is_bot": "of the user's own"}
    verdicts = BotVerdicts(
        verdicts=(Verdict(is_bot=False, request=request), Verdict()), token="t0ken", timestamp=1, extra={"MARKER": 1}
    )
    table = verdicts._table()
    assert table.columns[:3] == ("event_id", "is_bot", "ip")
    assert [dict(zip(table.columns, row, strict=True))["is_bot"] for row in table.rows] == [False, None]
    found = shown(verdicts)
    assert found.head == ["event_id", "is_bot", "ip", "campaign"]
    assert found.rows[0] == ["e1", "false", "192.0.2.1", "x"]
    assert "t0ken" not in verdicts._repr_html_()
    assert "MARKER" not in verdicts._repr_html_()


def test_a_page_has_a_column_for_each_field_and_extra_where_there_is_any() -> None:
    """A page of bounces shows its addresses: that is what it is asked for."""
    bounce = Bounce(address="ann@example.com", code="550")
    assert shown(Page(items=(bounce,), total_count=120)).around == "Bounce (1 of 120)"
    assert Page(items=(bounce,))._table().columns == ("address", "code", "error", "created_at")
    odd = Page(
        items=(bounce, Bounce(address="bob@example.com", extra={"new": 1})), paging={"next": "https://x/?MARKER"}
    )
    assert shown(odd).head == ["address", "code", "extra"]
    assert shown(odd).rows[1] == ["bob@example.com", "–", '{"new":1}']  # noqa: RUF001  # the dash that is shown
    assert "MARKER" not in odd._repr_html_()
    assert shown(Page[Bounce](items=())).rows == []


def test_secrets_in_the_addresses_of_webhooks_are_not_shown() -> None:
    found = shown(Page(items=(Webhook(name="opened", urls=("https://example.com/s3cret",)),)))
    assert found.rows == [["opened", '["https://example.com/…"]']]


@pytest.mark.anyio
async def test_what_is_collected_is_a_list_and_a_table() -> None:
    bounces = client_of(service({"items": [{"address": f"a{n}@d.e"} for n in range(30)]})).bounces.list()
    found = await bounces.collect()
    assert isinstance(found, list)
    assert found == [Bounce(address=f"a{n}@d.e") for n in range(30)]
    assert "… and 10 more rows" in shown(found).around
    assert len(found._table().rows) == 30


def test_events_of_every_shape_are_rows() -> None:
    events = EventList(
        [
            BotEvent(ip="192.0.2.1", event_id="e0", ts=5, attributes={"mine": 1}),
            {"event_id": "e1", "other": [2]},
            b'{"event_id": "e2"}',
            EventLine(data=b'{"event_id": "e3"}', line=7),
            EventLine(data=b"no json", line=8),
            UnreadableLine(line=9, reason="too long"),
            b"[1]",
        ]
    )
    table = events._table()
    rows: list[Mapping[str, Any]] = [
        {name: value for name, value in zip(table.columns, row, strict=True) if value is not None} for row in table.rows
    ]
    assert rows == [
        {"ip": "192.0.2.1", "event_id": "e0", "ts": 5, "mine": 1},
        {"event_id": "e1", "other": [2]},
        {"event_id": "e2"},
        {"event_id": "e3", "line": 7},
        {"line": 8, "reason": "not JSON"},
        {"line": 9, "reason": "too long"},
        {"reason": "not a JSON object"},
    ]
    assert shown(events).head == ["ip", "event_id", "ts", "mine", "other", "line", "reason"]


def test_what_a_run_gives_back_is_a_list_and_a_table() -> None:
    given_back = SubmitReport(undelivered=30, undelivered_items=({"event_id": "e"},) * 30).undelivered_events()
    assert given_back == [{"event_id": "e"}] * 30
    assert "… and 10 more rows" in shown(given_back).around


# What does not change


def test_the_plain_repr_is_what_it_was() -> None:
    """Notebooks keep it beside the table. A list shows its items, a report counts."""
    event = BotEvent(ip="MARKER", event_id="e")
    assert repr(EventList([event])) == "[BotEvent(ip='MARKER', event_id='e')]"
    assert repr(ItemList([event])) == "[BotEvent(ip='MARKER', event_id='e')]"
    assert repr(Page(items=(1,))) == "Page(items=(1,), total_count=None)"
    assert repr(SubmitReport(read=1, accepted=1)).startswith("SubmitReport(read=1, accepted=1, rejected=0,")
    assert "MARKER" not in repr(SubmitReport(undelivered=1, undelivered_items=(event,)))


def test_tabular_results_survive_pickling() -> None:
    """Results come back from worker processes."""
    failure = BatchFailure(batch=0, events=1, error=NotSentError("rejected"))
    report = pickled(SubmitReport(failures=(failure,), undelivered_items=({"event_id": "e"},)))
    assert type(report.undelivered_events()) is EventList
    values: list[Tabular] = [
        EventList([{"event_id": "e"}]),
        ItemList([Bounce(code="550")]),
        Page(items=(Bounce(code="550"),)),
        StatsTotal(stats=(StatsBucket(counters={"a": 1}),)),
        BotVerdicts(verdicts=(Verdict(is_bot=True),), token="t", timestamp=1),
    ]
    for value in values:
        assert (pickled(value), type(pickled(value))) == (value, type(value))


def test_showing_a_table_loads_no_data_frame_library() -> None:
    loaded = loaded_by("from omnivery.automations import SubmitReport; SubmitReport()._repr_html_()")
    assert "omnivery.display.html" in loaded
    assert loaded & {"polars", "pandas", "pyarrow", "arro3", "numpy", "omnivery.display.frames"} == set()
    assert "omnivery.display.html" not in loaded_by("from omnivery.automations import SubmitReport; SubmitReport()")
