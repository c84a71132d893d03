"""Messages as records: the same that was stored, in pages, found by what people look for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from omnivery.emulator import StoredFile, StoredMessage
from omnivery.emulator.records.changes import Changes
from omnivery.emulator.records.database import RecordDatabase
from omnivery.emulator.records.messages import MessageQuery, MessageRecords
from omnivery.emulator.records.window import Window


def message(number: int = 1, **given: Any) -> StoredMessage:
    fields: dict[str, Any] = {
        "id": f"<{number}@mail.example.com>",
        "domain": "mail.example.com",
        "surface": "mailgun",
        "sender": "news@mail.example.com",
        "to": ("ann@example.com",),
        "received_at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=number),
    }
    return StoredMessage(**{**fields, **given})


@pytest.fixture(params=[True, False], ids=["FTS5", "LIKE"])
def records(request: pytest.FixtureRequest, database: RecordDatabase, changes: Changes) -> MessageRecords:
    return MessageRecords(database, kept=100, changes=changes, indexed=request.param)


def found(records: MessageRecords, window: Window | None = None, **query: Any) -> list[int]:
    return [summary.id for summary in records.find(MessageQuery(**query), window).records]


def test_a_message_that_is_read_equals_the_one_that_was_stored(records: MessageRecords) -> None:
    """Tests compare messages, so nothing may get lost on the way through the database."""
    stored = message(
        fields=(("to", "Ann <ann@example.com>"), ("o:tag", "a"), ("o:tag", "b"), ("v:x", "\udcff")),
        cc=("bob@example.com",),
        bcc=("eve@example.com",),
        subject="Grüße \udce4",
        text="",
        html="<p>x</p>",
        attachments=(StoredFile(name="a\udcff.txt", media_type="text/plain", content=b"\0\xff"),),
        inline=(StoredFile(name="b.png", media_type="image/png", content=b""),),
        mime=b"\xff\r\n",
        test_mode=True,
    )
    number = records.add(stored)
    record = records.get(number)
    assert record
    assert record.message == stored
    assert record.at == stored.received_at.timestamp()
    assert records.all() == [stored]
    assert records.get(number + 1) is None


def test_a_summary_says_what_a_list_shows(records: MessageRecords) -> None:
    file = StoredFile(name="a.txt", media_type="text/plain", content=b"12345")
    records.add(message(subject="Hi", text="abc", attachments=(file,), fields=(("o:tag", "a"),), test_mode=True))
    [summary] = records.find().records
    assert (summary.message_id, summary.sender, summary.recipients) == (
        "<1@mail.example.com>",
        "news@mail.example.com",
        ("ann@example.com",),
    )
    assert (summary.subject, summary.tags, summary.size, summary.files) == ("Hi", ("a",), 10, 1)
    assert summary.test_mode is True


def test_pages_go_both_ways(records: MessageRecords) -> None:
    numbers = [records.add(message(number)) for number in range(7)]
    first = records.find(window=Window(limit=3))
    assert [summary.id for summary in first.records] == numbers[:3:-1]
    assert first.more
    assert found(records, Window(before=numbers[4], limit=3)) == numbers[3:0:-1]
    assert found(records, Window(before=numbers[1])) == [numbers[0]]
    # What follows an id, newest first: the page that a reader who saw that id has not seen yet.
    assert found(records, Window(after=numbers[1], limit=3)) == [numbers[4], numbers[3], numbers[2]]
    assert found(records, Window(after=numbers[1], before=numbers[4])) == [numbers[3], numbers[2]]
    assert not records.find(window=Window(after=numbers[3])).more


@pytest.mark.parametrize(
    ("search", "hit"),
    [
        ("invoice", True),
        ("INVO", True),
        ("invoice march", True),
        ("invoice april", False),
        ("ann@example.com", True),
        ("receipt.pdf", True),
        ("welcome", True),
        ("visible", True),
        ("hidden", False),
        ("strong", False),
        ('"invoice" OR NEAR(', False),
        ("invoice\0of", True),
        ("nothing", False),
    ],
)
def test_search(records: MessageRecords, search: str, *, hit: bool) -> None:
    """Words of a search are words, whatever they mean to SQLite."""
    pdf = StoredFile(name="receipt.pdf", media_type="application/pdf", content=b"")
    html = "<style>.hidden{}</style><strong>visible&nbsp;words</strong>"
    fields = (("o:tag", "welcome"),)
    number = records.add(message(subject="Invoice of March", html=html, attachments=(pdf,), fields=fields))
    records.add(message(2, subject="Other", to=("bob@example.com",)))
    assert found(records, search=search) == ([number] if hit else [])


def test_a_search_is_read_in_windows_and_with_the_other_filters(records: MessageRecords) -> None:
    numbers = [records.add(message(n, subject=f"Invoice {n}", fields=(("o:tag", f"t{n % 2}"),))) for n in range(6)]
    assert found(records, Window(limit=2), search="inv") == [numbers[5], numbers[4]]
    assert found(records, Window(before=numbers[4], limit=2), search="inv") == [numbers[3], numbers[2]]
    assert found(records, Window(after=numbers[0], limit=2), search="inv") == [numbers[2], numbers[1]]
    assert found(records, search="invoice", tag="t1") == [numbers[5], numbers[3], numbers[1]]
    assert found(records, search="--", tag="t0") == (
        [numbers[4], numbers[2], numbers[0]] if records.search.indexed else []
    )
    assert records.count(MessageQuery(search="inv")) == 6
    assert records.count(MessageQuery(search="inv", tag="t1"), after=numbers[1]) == 2


def test_a_window_of_a_search_reads_no_more_than_the_window(database: RecordDatabase, changes: Changes) -> None:
    """The APIs wait while the database is read, and a short word is in most of 100,000 messages."""
    records = MessageRecords(database, kept=1000, changes=changes)
    for number in range(300):
        records.add(message(number, subject="Invoice"))
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with database.use() as connection:
        connection.set_progress_handler(count, 1)
        assert len(found(records, Window(limit=3), search="i")) == 3
        connection.set_progress_handler(None, 1)
    assert 0 < steps < 800


def test_filters(records: MessageRecords) -> None:
    one = records.add(message(1, fields=(("o:tag", "a"), ("o:tag", "a")), to=("Ann@Example.com",), cc=("bob@x.org",)))
    two = records.add(message(2, fields=(("o:tag", "b"),), sender="Me@Mail.example.com", surface="automations"))
    assert found(records, tag="a") == [one]
    assert found(records, recipient="ann@EXAMPLE.com") == [two, one]
    assert found(records, recipient="bob@x.org") == [one]
    assert found(records, sender="me@mail.example.com") == [two]
    assert found(records, surface="automations") == [two]
    assert found(records, domain="MAIL.example.com", tag="a") == [one]
    assert found(records, message_id="2@mail.example.com") == [two]
    assert records.count(MessageQuery(tag="b")) == 1
    assert records.count(MessageQuery(tag="b"), after=two) == 0
    assert records.tags() == [("a", 1), ("b", 1)]


def test_the_oldest_are_deleted_with_all_that_belongs_to_them(database: RecordDatabase, changes: Changes) -> None:
    records = MessageRecords(database, kept=2, changes=changes)
    file = StoredFile(name="a.txt", media_type="text/plain", content=b"x")
    numbers = [records.add(message(n, fields=(("o:tag", "a"),), attachments=(file,))) for n in range(5)]
    assert found(records) == numbers[:2:-1]
    for table in ("message_contents", "message_files", "message_tags", "message_recipients", "message_text"):
        assert database.rows(f"SELECT count(*) FROM {table}") == [(2,)], table


def test_no_id_is_used_twice(records: MessageRecords) -> None:
    """A reader who asks for what came after an id must not miss what came after a reset."""
    numbers = [records.add(message(n)) for n in range(3)]
    assert records.delete(numbers[1])
    assert not records.delete(numbers[1])
    assert found(records) == [numbers[2], numbers[0]]
    records.clear()
    assert found(records) == []
    assert records.newest_id() == numbers[2]
    assert records.add(message(9)) == numbers[2] + 1


def test_their_size_has_a_bound_too(records: MessageRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand messages are nothing, unless each has a file of 25 MB."""
    monkeypatch.setattr("omnivery.emulator.records.messages.MOST_BYTES", 100)
    file = StoredFile(name="a.bin", media_type="x/y", content=bytes(40))
    numbers = [records.add(message(number, attachments=(file,))) for number in range(4)]
    assert found(records) == numbers[:1:-1]
    assert records.delete(numbers[3])
    numbers += [records.add(message(number, attachments=(file,))) for number in range(4, 5)]
    assert found(records) == [numbers[4], numbers[2]], "what is deleted is not counted any more"
    huge = records.add(message(9, mime=bytes(500)))
    assert found(records) == [huge], "the newest one is always kept"
