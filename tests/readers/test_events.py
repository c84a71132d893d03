"""Provider events: opens and clicks in every envelope they come in, nothing of the recipient, all else counted."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery.automations import event_id_for, recipient_id_for
from omnivery.errors import ConfigError, SourceError
from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.events.validation import fault_of
from omnivery.readers import events
from omnivery.readers._providers import PROVIDERS, ProviderName

AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/144.0"
KEY = "a secret of your own"

MAILGUN: dict[str, Any] = {
    "signature": {"timestamp": "1779012303", "token": "t", "signature": "s"},
    "event-data": {
        "event": "clicked",
        "id": "Ase7i2zsRYeDXztHGENqRA",
        "timestamp": 1_779_012_303.774,
        "ip": "198.51.100.7",
        "recipient": "Ann@example.com",
        "recipient-domain": "example.com",
        "url": "https://example.org/?to=ann@example.com",
        "client-info": {"user-agent": AGENT, "client-name": "Firefox", "bot": ""},
        "message": {"headers": {"message-id": "20260517.1@mail.example.org"}},
        "user-variables": {"campaign": "spring", "order": {"no": 7}},
        "tags": ["a"],
    },
}
SENDGRID: dict[str, Any] = {
    "email": "ann@example.com",
    "timestamp": 1_779_012_303,
    "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
    "event": "click",
    "category": "cat facts",
    "sg_event_id": "kCAi1KttyQdEKHhdC-nuEA",
    "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
    "useragent": AGENT,
    "ip": "198.51.100.7",
    "url": "https://example.org/?to=ann@example.com",
    "campaign": "spring",
}
SES: dict[str, Any] = {
    "eventType": "Click",
    "mail": {
        "timestamp": "2026-05-17T09:05:03.123Z",
        "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
        "destination": ["ann@example.com"],
        "tags": {"campaign": ["spring"], "ses:from-domain": ["example.org"], "two": ["a", "b"]},
    },
    "click": {
        "ipAddress": "198.51.100.7",
        "link": "https://example.org/?to=ann@example.com",
        "linkTags": {"place": ["top"]},
        "timestamp": "2026-05-17T10:05:03.123Z",
        "userAgent": AGENT,
    },
}
POSTMARK: dict[str, Any] = {
    "RecordType": "Click",
    "MessageStream": "outbound",
    "ClickLocation": "HTML",
    "UserAgent": AGENT,
    "OriginalLink": "https://example.org/?to=ann@example.com",
    "Geo": {"CountryISOCode": "DE", "IP": "198.51.100.7"},
    "MessageID": "00000000-0000-0000-0000-000000000000",
    "Metadata": {"campaign": "spring"},
    "ReceivedAt": "2026-05-17T10:05:03.9070259Z",
    "Tag": "welcome-email",
    "Recipient": "ann@example.com",
}
RESEND: dict[str, Any] = {
    "type": "email.clicked",
    "created_at": "2026-05-17T10:05:04.126Z",
    "data": {
        "created_at": "2026-05-17T09:00:00.000Z",
        "email_id": "56761188-7520-42d8-8898-ff6fc54ce618",
        "from": "News <news@example.org>",
        "to": ["Ann <ann@example.com>"],
        "subject": "Hello",
        "click": {
            "ipAddress": "198.51.100.7",
            "link": "https://example.org/?to=ann@example.com",
            "timestamp": "2026-05-17T10:05:03.126Z",
            "userAgent": AGENT,
        },
        "tags": {"campaign": "spring"},
    },
}
SPARKPOST: dict[str, Any] = {
    "type": "click",
    "event_id": "92356927693813856",
    "ip_address": "198.51.100.7",
    "user_agent": AGENT,
    "message_id": "000443ee14578172be22",
    "injection_time": "2026-05-17T09:05:03.000Z",
    "rcpt_to": "ann@example.com",
    "rcpt_meta": {"campaign": "spring"},
    "rcpt_tags": ["male"],
    "target_link_url": "https://example.org/?to=ann@example.com",
    "timestamp": "1779012303",
}
CLICKS: dict[str, dict[str, Any]] = {
    "mailgun": MAILGUN,
    "omnivery": MAILGUN,
    "sendgrid": SENDGRID,
    "ses": SES,
    "postmark": POSTMARK,
    "resend": RESEND,
    "sparkpost": {"msys": {"track_event": SPARKPOST}},
}
IDS = {
    "mailgun": ("Ase7i2zsRYeDXztHGENqRA", "20260517.1@mail.example.org", None),
    "omnivery": ("Ase7i2zsRYeDXztHGENqRA", "20260517.1@mail.example.org", None),
    "sendgrid": ("kCAi1KttyQdEKHhdC-nuEA", "14c5d75ce93.dfd.64b469", None),
    "ses": (None, "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000", 1_779_008_703),
    "postmark": (None, "00000000-0000-0000-0000-000000000000", None),
    "resend": (None, "56761188-7520-42d8-8898-ff6fc54ce618", None),
    "sparkpost": ("92356927693813856", "000443ee14578172be22", 1_779_008_703),
}
NAMES: list[Any] = list(get_args(ProviderName))


def packed(payload: Any) -> bytes:
    return json.dumps(payload).encode()


def only(payload: Any, provider: Any, **options: Any) -> BotEvent:
    """The one event of a payload."""
    (event,) = events(payload, provider=provider, **options)
    assert isinstance(event, BotEvent)
    return event


def test_every_provider_is_known() -> None:
    assert sorted(PROVIDERS) == sorted(NAMES) == sorted(CLICKS)


@pytest.mark.parametrize("provider", NAMES)
def test_a_click_becomes_an_event(provider: Any) -> None:
    """Everything that the API has a name for, and nothing that shows who the recipient is."""
    event_id, message_id, message_ts = IDS[provider]
    event = only(CLICKS[provider], provider)
    assert event == BotEvent(
        ip="198.51.100.7",
        uas=AGENT,
        event_id=event_id or event.event_id,
        action="click",
        domain="example.com",
        message_id=message_id,
        ts=1_779_012_303,
        message_ts=message_ts,
    )
    assert fault_of(event) is None
    assert "ann" not in repr([getattr(event, name) for name in event.__slots__ if name != "__weakref__"])


@pytest.mark.parametrize("provider", NAMES)
def test_the_recipient_and_own_attributes_travel_where_they_are_asked_for(provider: Any) -> None:
    event = only(CLICKS[provider], provider, recipient_key=KEY, attributes=("campaign", "url", "none"))
    assert event.recipient_id == recipient_id_for("ann@example.com", KEY)
    assert event.attributes == {"campaign": "spring", "url": "https://example.org/?to=ann@example.com"}


@pytest.mark.parametrize("provider", NAMES)
def test_a_repeated_call_yields_the_same_id(provider: Any) -> None:
    """Webhook calls come at least once; two clicks are still two."""
    again = [only(packed(CLICKS[provider]), provider).event_id for _ in range(2)]
    assert again[0] == again[1]
    later = packed(CLICKS[provider]).replace(b":03", b":13").replace(b"1779012303", b"1779012313")
    event_id, _, _ = IDS[provider]
    assert (only(later, provider).event_id == again[0]) == (event_id is not None)


OPENS: list[tuple[str, dict[str, Any]]] = [
    ("mailgun", {"event-data": {"event": "opened", "ip": "192.0.2.1"}}),
    ("sendgrid", {"event": "open", "ip": "192.0.2.1", "sg_machine_open": True}),
    ("ses", {"eventType": "Open", "open": {"ipAddress": "192.0.2.1"}}),
    ("postmark", {"RecordType": "Open", "Geo": {"IP": "192.0.2.1"}, "FirstOpen": True}),
    ("resend", {"type": "email.opened", "data": {"open": {"ipAddress": "192.0.2.1"}}}),
    *(
        ("sparkpost", {"msys": {"track_event": {"type": kind, "ip_address": "192.0.2.1"}}})
        for kind in ("open", "initial_open", "amp_open", "amp_initial_open")
    ),
]


@pytest.mark.parametrize(("provider", "payload"), OPENS)
def test_an_open_becomes_an_event_and_nothing_else_is_needed(provider: Any, payload: dict[str, Any]) -> None:
    event = only(payload, provider, recipient_key=KEY, attributes=("campaign",))
    assert (event.action, event.ip, event.uas, event.recipient_id, event.domain) == (
        "open",
        "192.0.2.1",
        None,
        None,
        None,
    )
    assert event.event_id == event_id_for(ip="192.0.2.1", action="open")


@pytest.mark.parametrize("provider", NAMES)
@pytest.mark.parametrize("listed", [False, True])
def test_other_events_are_counted_by_their_name(provider: Any, listed: bool) -> None:
    """Bounces, deliveries, complaints: skipped, and not in silence."""
    other = json.loads(packed(CLICKS[provider]).replace(b'"click"', b'"bounce"').replace(b'"Click"', b'"bounce"'))
    for names in ({"clicked": "bounce"}, {"email.clicked": "bounce"}):
        text = json.dumps(other)
        for old, new in names.items():
            text = text.replace(f'"{old}"', f'"{new}"')
        other = json.loads(text)
    found = events([other, CLICKS[provider], other] if listed else other, provider=provider)
    assert len(list(found)) == listed
    assert found.skipped == {"bounce": 2 if listed else 1}


# Envelopes


def sns(message: Any) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": "m",
        "TopicArn": "arn",
        "Message": json.dumps(message),
        "Timestamp": "t",
    }


def encoded(payload: Any) -> str:
    return base64.b64encode(packed(payload)).decode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def zipped(payload: Any) -> str:
    return base64.b64encode(gzip.compress(packed(payload))).decode()


@pytest.mark.parametrize(
    ("provider", "payload"),
    [
        ("mailgun", MAILGUN["event-data"]),
        ("mailgun", {"event_data": MAILGUN["event-data"]}),
        ("mailgun", {"items": [MAILGUN["event-data"]], "paging": {"next": "https://example.com"}}),
        ("omnivery", [MAILGUN]),
        ("sendgrid", [SENDGRID]),
        ("sendgrid", {**SENDGRID, "unique_args": {"campaign": "spring"}}),
        ("ses", sns(SES)),
        ("ses", {"Records": [{"EventSource": "aws:sns", "Sns": sns(SES)}]}),
        ("ses", {"Records": [{"eventSource": "aws:sqs", "body": json.dumps(sns(SES))}]}),
        ("ses", {"Records": [{"eventSource": "aws:sqs", "body": json.dumps(SES)}]}),
        ("ses", {"Messages": [{"Body": json.dumps(sns(SES)), "ReceiptHandle": "r"}]}),
        ("ses", {"version": "0", "detail-type": "Email Clicked", "source": "aws.ses", "detail": SES}),
        ("ses", {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": encoded(SES)}}]}),
        ("ses", {"invocationId": "i", "records": [{"recordId": "1", "data": encoded(SES)}]}),
        ("ses", {"Records": [{"kinesis": {"data": zipped({"logEvents": [{"id": "1", "message": json.dumps(SES)}]})}}]}),
        ("ses", {"awslogs": {"data": zipped({"logEvents": [{"id": "1", "message": json.dumps(sns(SES))}]})}}),
        ("ses", [sns(SES)]),
        ("ses", {"httpMethod": "POST", "body": json.dumps(sns(SES)), "isBase64Encoded": False}),
        ("ses", {"httpMethod": "POST", "body": encoded(sns(SES)), "isBase64Encoded": True}),
        ("postmark", [POSTMARK]),
        ("postmark", {"TotalCount": 1, "Clicks": [{k: v for k, v in POSTMARK.items() if k != "RecordType"}]}),
        ("resend", [RESEND]),
        ("resend", {**RESEND, "data": {**RESEND["data"], "tags": [{"name": "campaign", "value": "spring"}]}}),
        ("sparkpost", [{"msys": {"track_event": SPARKPOST}}]),
        ("sparkpost", {"results": [SPARKPOST], "total_count": 1, "links": {}}),
        ("sparkpost", SPARKPOST),
    ],
)
def test_every_envelope_is_opened(provider: Any, payload: Any) -> None:
    """As the provider's call, its API and the queues on the way hand it over; as an object and as bytes."""
    expected = only(CLICKS[provider], provider, attributes=("campaign",))
    assert only(payload, provider, attributes=("campaign",)) == expected
    assert only(packed(payload), provider, attributes=("campaign",)) == expected


@pytest.mark.parametrize("provider", CLICKS)
def test_what_services_put_around_a_call_is_opened_for_each_provider(provider: Any) -> None:
    """A webhook of any provider may arrive at a gateway, and its calls in a queue, a stream or a table."""
    call = CLICKS[provider]
    body = json.dumps(call)
    wrapped: list[Any] = [
        {"httpMethod": "POST", "body": body, "isBase64Encoded": False},
        {"httpMethod": "POST", "body": encoded(call), "isBase64Encoded": True},
        {"Records": [{"eventSource": "aws:sqs", "body": body}]},
        {"Records": [{"eventSource": "aws:sqs", "body": json.dumps({"httpMethod": "POST", "body": body})}]},
        {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": encoded(call)}}]},
        {"records": [{"recordId": "1", "data": encoded(call)}]},
        {"message": {"data": encoded(call), "messageId": "1"}, "subscription": "s"},
        {"detail-type": "call", "source": "own", "detail": call},
        {"received_at": "2026-05-17 10:05:03 UTC", "payload": body},
        {"id": 1, "payload": call},
        {"method": "POST", "headers": {}, "body": call},
        sns(call),
    ]
    for payload in wrapped:
        assert only(payload, provider) == only(call, provider)
        assert only(packed(payload), provider) == only(call, provider)


@pytest.mark.parametrize("provider", CLICKS)
@pytest.mark.parametrize(
    "line",
    [
        "2026-05-17T10:05:03.123Z {}",
        "2026-05-17T10:05:03.123Z\tc6af9ac6-7b61-11e6-9a41-93e8deadbeef\tINFO\t{}",
        "[2026-05-17 10:05:03] app.INFO: {}",
        "May 17 10:05:03 web1 app[7]: call {}",
        "web-1  | {}",
    ],
)
def test_calls_that_a_handler_has_logged_are_read(provider: Any, line: str, tmp_path: Path) -> None:
    """Each was an event and a rejected line, or none."""
    path = tmp_path / "app.log"
    path.write_text(f"{line.format(json.dumps(CLICKS[provider]))}\n" * 3 + "2026-05-17T10:05:03.123Z ready\n")
    *clicks, last = events(path, provider=provider)
    assert clicks == [only(CLICKS[provider], provider)] * 3
    assert last == UnreadableLine(line=4, reason="not JSON")


def test_calls_in_the_log_of_a_container_are_read() -> None:
    lines = json.dumps({"log": json.dumps([SENDGRID]) + "\n", "stream": "stdout", "time": "t"}) + "\n"
    assert list(events(lines.encode() * 2, provider="sendgrid")) == [only([SENDGRID], "sendgrid")] * 2


@pytest.mark.parametrize("name", ["body", "data", "detail", "log", "message", "payload", "Records"])
def test_an_attribute_of_a_message_is_no_wrapper(name: str) -> None:
    """SendGrid has the unique arguments beside the fields of the event, whatever the sender has called them."""
    event = only([{**SENDGRID, name: "spring"}], "sendgrid", attributes=(name,))
    assert (event.attributes or {})[name] == "spring"


def test_the_api_of_logs_has_another_name_for_the_time() -> None:
    """Of Mailgun; without it, the event had no time."""
    item = {**MAILGUN["event-data"], "@timestamp": "2026-05-17T10:05:03.123Z"}
    del item["timestamp"]
    assert only({"items": [item], "pagination": {}}, "mailgun").ts == 1_779_012_303


@pytest.mark.parametrize("text", ["[{}]", " {}"])
def test_texts_are_no_names_of_files(text: str) -> None:
    """They may be rows of a table; that no file has such a name led nobody to the cause."""
    for source in (text, [text], [text, text]):
        with pytest.raises(ConfigError, match="give the payload as bytes"):
            events(source, provider="sendgrid")


@pytest.mark.parametrize(
    ("provider", "payload", "skipped"),
    [
        ("ses", {"Type": "SubscriptionConfirmation", "Message": "You have chosen …"}, {"SubscriptionConfirmation": 1}),
        ("ses", {**sns(SES), "Message": "Successfully validated SNS topic."}, {"(text)": 1}),
        ("ses", {"records": [{"data": "!"}, {"data": 5}]}, {"(text)": 2}),
        ("ses", {**sns(SES), "Message": "{}" * 300_001}, {"(more than 300,000 objects in one)": 1}),
        ("ses", {"records": [{"data": zipped(SES)[:-40]}, {"data": zipped("x")}]}, {"(text)": 1, "(str)": 1}),
        ("ses", {"notificationType": "Bounce"}, {"Bounce": 1}),
        ("ses", {}, {"(without a type)": 1}),
        ("sparkpost", [{"msys": {}}], {"(test)": 1}),
        ("sparkpost", [{"msys": {"message_event": {"type": "delivery"}, "x": 5}}], {"delivery": 1, "(int)": 1}),
        ("sendgrid", [], {}),
        ("sendgrid", [None, 5, "x"], {"(NoneType)": 1, "(int)": 1, "(str)": 1}),
        ("sendgrid", {"body": "no JSON", "httpMethod": "POST"}, {"(text)": 1}),
        ("sendgrid", {"message": {"data": "!"}, "subscription": "s"}, {"(text)": 1}),
        ("mailgun", {"event-data": {"recipient": "ann@example.com"}}, {"(without a type)": 1}),
        ("mailgun", {"event-data": {"event": 5}}, {"5": 1}),
    ],
)
def test_what_is_no_event_is_counted_too(provider: Any, payload: Any, skipped: dict[str, int]) -> None:
    found = events(payload, provider=provider)
    assert list(found) == []
    assert found.skipped == skipped


def test_a_message_to_several_people_is_nobodys() -> None:
    """Whose click it was, the payload does not tell; the domain is told if it is the same."""
    several = {**SES, "mail": {**SES["mail"], "destination": ["ann@example.com", "bob@EXAMPLE.com"]}}
    event = only(several, "ses", recipient_key=KEY)
    assert (event.domain, event.recipient_id) == ("example.com", None)
    several["mail"]["destination"].append("eve@example.net")
    assert only(several, "ses", recipient_key=KEY).domain is None


def test_mailguns_legacy_form_posts_are_read() -> None:
    form = (
        b"event=clicked&recipient=ann%40example.com&domain=mail.example.org&ip=198.51.100.7&user-agent=Mozilla%2F5.0"
        b"&url=https%3A%2F%2Fexample.org&timestamp=1779012303&token=t&signature=s&Message-Id=%3Cm%40example.org%3E"
    )
    for body in (form, in_parts(form)):
        event = only(body, "mailgun")
        assert (event.ip, event.uas, event.domain, event.message_id, event.ts) == (
            "198.51.100.7",
            "Mozilla/5.0",
            "example.com",
            "m@example.org",
            1_779_012_303,
        )


def test_stored_forms_are_read_line_by_line() -> None:
    line = b"event=opened&ip=198.51.100.7&user-agent=Mozilla%2F5.0&timestamp=1779012303"
    for stored in (line, line + b"\nx\n" + line + b"\n"):
        found = list(events(io.BytesIO(stored), provider="mailgun"))
        assert [getattr(item, "uas", item) for item in found] in (
            ["Mozilla/5.0"],
            ["Mozilla/5.0", UnreadableLine(line=2, reason="not JSON"), "Mozilla/5.0"],
        )


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bodies_are_taken_as_they_come_out_of_a_queue(kind: Any) -> None:
    """One, or several of which each may be packed: what is bytes is no event of a name that nobody knows."""
    body = packed([SENDGRID])
    for source, count in ((kind(body), 1), ([kind(body), kind(gzip.compress(body)), SENDGRID], 3)):
        found = events(source, provider="sendgrid")
        assert [getattr(event, "event_id", event) for event in found] == [SENDGRID["sg_event_id"]] * count
        assert found.skipped == {}


def in_parts(form: bytes) -> bytes:
    """The same as multipart/form-data, with a file."""
    parts = [f'name="{name}"\r\n\r\n{value}' for name, value in parse_qsl(form.decode())]
    parts.append('name="event"; filename="event.txt"\r\nContent-Type: text/plain\r\n\r\nopened')
    start = "--x\r\nContent-Disposition: form-data; "
    return (start + f"\r\n{start}".join(parts) + "\r\n--x--\r\n").encode()


def test_blanks_without_end_take_no_memory() -> None:
    """A few kB of a call's body, unpacked: any client that knows a handler's URL can send them."""
    body = gzip.compress(b" \n" * 2**23, compresslevel=1)
    tracemalloc.start()
    try:
        assert list(events(body, provider="ses")) == []
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


# Files


@pytest.mark.parametrize("provider", NAMES)
@pytest.mark.parametrize(
    "write",
    [
        lambda one: packed(one) + b"\n" + packed([one, one]) + b"\r\n\n" + packed(one),
        lambda one: packed([one] * 4),
        lambda one: json.dumps([one] * 4, indent=2).encode(),
        lambda one: b"".join([packed(one)] * 4),
        lambda one: b"\n".join([json.dumps(one, indent=1).encode()] * 4),
        lambda one: b"\xef\xbb\xbf" + packed(one) * 4,
    ],
    ids=["lines", "array", "pretty array", "without breaks", "pretty objects", "byte order mark"],
)
def test_stored_payloads_are_read_in_any_form(provider: Any, write: Any, tmp_path: Path) -> None:
    """As a handler has stored them, or a stream: one a line, one after the other, all in a list."""
    path = tmp_path / "payloads"
    path.write_bytes(write(CLICKS[provider]))
    expected = [only(CLICKS[provider], provider)] * 4
    content = path.read_bytes()
    with path.open("rb") as file:
        for source in (path, str(path), file, content, gzip.compress(content), content.decode().encode("utf-16")):
            assert list(events(source, provider=provider)) == expected


@pytest.mark.parametrize("envelope", [SES, sns(SES)], ids=["alone", "of SNS"])
@pytest.mark.parametrize("lines", ["{0}{0}{0}", "{0}\n{0}{0}\n", "{0}{0}\n{0}\n", "{0}\r\n{0} {0}"])
def test_objects_on_one_line_are_all_read_whatever_the_other_lines_hold(envelope: Any, lines: str) -> None:
    """Firehose puts nothing between the records of a file, unless it is told to, or producers end theirs."""
    content = lines.format(json.dumps(envelope)).encode()
    for source in (content, gzip.compress(content), io.BytesIO(content), {"records": [{"data": b64(content)}]}):
        found = events(source, provider="ses")
        assert list(found) == [only(SES, "ses")] * 3
        assert not found.skipped


def test_packed_bytes_that_are_damaged_are_an_error_after_what_stood_before() -> None:
    content = gzip.compress(b"".join(packed({**SENDGRID, "n": n}) + b"\n" for n in range(20_000)))
    found = events(content[: len(content) // 2], provider="sendgrid")
    items: list[Any] = []
    with pytest.raises(SourceError, match="cut off"):
        items.extend(found)
    assert len(items) > 5_000
    assert all(isinstance(item, BotEvent) for item in items)


def test_a_record_that_unpacks_to_more_than_any_service_sends_is_counted() -> None:
    found = events({"records": [{"data": b64(gzip.compress(bytes(20_000_000)))}]}, provider="ses")
    assert list(found) == []
    assert found.skipped == {"(text)": 1}


def test_a_line_that_was_cut_off_costs_itself_alone() -> None:
    line = packed(SENDGRID) + b"\n"
    found = list(events(io.BytesIO(line * 3 + line[:50] + b"\n" + line * 2), provider="sendgrid"))
    assert [type(item) for item in found] == [BotEvent] * 3 + [UnreadableLine] + [BotEvent] * 2
    assert found[3] == UnreadableLine(line=4, reason="not JSON")


def test_an_array_that_was_cut_off_says_so() -> None:
    text = json.dumps([SENDGRID] * 3, indent=1).encode()
    found = list(events(io.BytesIO(text[:-30]), provider="sendgrid"))
    assert [type(item) for item in found] == [BotEvent, BotEvent, UnreadableLine]
    assert found[2].reason == "cut off: the JSON object that begins here does not end"  # type: ignore[union-attr]


# What is refused


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"provider": "brevo"}, "provider: there is no 'brevo'; there are mailgun, omnivery"),
        ({"provider": "ses", "attributes": ("ts",)}, "attributes: 'ts' is a field"),
        ({"provider": "ses", "attributes": "campaign"}, "attributes: expected a sequence"),
        ({"provider": "ses", "recipient_key": ""}, "recipient_key: must not be empty"),
        ({"provider": "ses", "source": '[{"eventType":"Click"}]'}, "give the payload as bytes"),
        ({"provider": "ses", "source": 5}, "a path"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused_at_the_call(arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        events(**{"source": b"{}", **arguments})


def test_a_missing_file_is_an_os_error_at_the_call(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        events(tmp_path / "none", provider="ses")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=9)
    | st.sampled_from(["click", "opened"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=9,
)


@pytest.mark.parametrize("provider", NAMES)
@settings(deadline=None, max_examples=30)
@given(st.data())
def test_no_payload_is_a_crash(provider: Any, data: st.DataObject) -> None:
    """A field of another type than documented, or missing, costs itself alone."""
    payload = json.loads(packed(CLICKS[provider]))
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            places.append((value, key))
            walk(value[key])

    walk(payload)
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(JSON)
    found = events(payload, provider=provider, recipient_key=KEY, attributes=("campaign", "url", "order.no"))
    items = list(found)
    assert all(isinstance(item, BotEvent) and item.event_id for item in items)
    anything: Any = [data.draw(JSON), {}]
    assert all(isinstance(item, BotEvent) for item in events(anything, provider=provider))


@pytest.mark.parametrize("provider", NAMES)
@settings(deadline=None, max_examples=30)
@given(body=st.binary(max_size=200) | st.text(alphabet='{}[]",: \n\\x1', max_size=60).map(str.encode))
def test_no_bytes_are_a_crash(provider: Any, body: bytes) -> None:
    with suppress(SourceError):  # the first bytes may be those of packed data
        assert all(isinstance(item, BotEvent | UnreadableLine) for item in events(body, provider=provider))
