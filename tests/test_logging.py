"""No secret and no personal data reaches a log, however much is logged."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from functools import partial
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream
from hypothesis import given
from hypothesis import strategies as st

from omnivery import AsyncAutomations, RetryPolicy
from omnivery._logging import LogThrottle, RedactionFilter, get_logger, redact
from omnivery.errors import OmniveryError
from omnivery.transport.observe import Attempt, LogObserver
from tests.support.fakes import Seen, http_response, serve

TOKEN = "marker7f3atoken"
EVENT = {
    "ip": "198.51.100.77",
    "uas": "SecretAgent/1.0",
    "event_id": "e-1",
    "recipient": "ann@customer.example.com",
}
PERSONAL = (TOKEN, "198.51.100.77", "SecretAgent", "ann@", "ann%40")
ECHO = f'{{"message": "ov-token: {TOKEN} may not see ann@customer.example.com"}}'.encode()


@pytest.mark.anyio
async def test_a_run_of_failing_calls_leaves_no_trace_of_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """With everything at DEBUG, httpx and httpcore included: so are logs of a bad night set up."""
    replies = iter(
        [
            http_response("500 Internal Server Error", ECHO),
            http_response("429 Too Many Requests", ECHO, "Retry-After: 0"),
            http_response("401 Unauthorized", ECHO),
            http_response("302 Found", b"", "Location: https://example.org/"),
            b"no http at all\r\n\r\n",
            http_response("200 OK", b"<html>ann@customer.example.com</html>"),
            http_response("200 OK", b'{"is_bot": true}'),
        ]
    )

    async def handler(stream: ByteStream, _seen: Seen) -> None:
        await stream.send(next(replies))

    with caplog.at_level(logging.DEBUG):
        async with (
            serve(handler) as server,
            AsyncAutomations(
                TOKEN,
                domain="example.com",
                base_url=server.url,
                retry=RetryPolicy(attempts=2, base=0.001, throttle_base=0.001),
            ) as client,
        ):
            for call in (
                partial(client.bots.check, EVENT),
                partial(client.bots.check, EVENT),
                partial(client.bots.result, "ann@customer.example.com"),
                partial(client.bots.result, "ann@customer.example.com"),
            ):
                with pytest.raises(OmniveryError):
                    await call()
            await client.bots.check(EVENT)
    assert {record.name.partition(".")[0] for record in caplog.records} >= {"omnivery", "httpcore"}
    logged = [logging.Formatter("%(name)s %(message)s").format(record) for record in caplog.records]
    assert [line for line in logged if any(word in line for word in PERSONAL)] == []


def lines(caplog: pytest.LogCaptureFixture, **fields: Any) -> list[tuple[int, str]]:
    attempt = Attempt(operation="a.b.c", method="GET", path="/{domain}/x", number=2, elapsed=0.5, **fields)
    with caplog.at_level(logging.DEBUG):
        LogObserver(logger=get_logger("omnivery.test")).attempt_ended(attempt)
    return [(record.levelno, record.getMessage()) for record in caplog.records]


def test_a_good_attempt_is_a_line_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    assert lines(caplog, status=200) == [
        (logging.DEBUG, "a.b.c: GET /{domain}/x, attempt 2: 200 after 0.500 s"),
    ]


def test_an_attempt_that_is_followed_by_another_is_a_notice(caplog: pytest.LogCaptureFixture) -> None:
    assert lines(caplog, status=503, error="ServerError", retry_in=1.25) == [
        (
            logging.INFO,
            "a.b.c: GET /{domain}/x, attempt 2: 503 (ServerError) after 0.500 s, next attempt in 1.25 s",
        ),
    ]


def test_a_lost_attempt_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert lines(caplog, error="AmbiguousError") == [
        (logging.WARNING, "a.b.c: GET /{domain}/x, attempt 2: no response (AmbiguousError) after 0.500 s"),
    ]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("ov-token: hush", "ov-token: ***"),
        ("OV-Token=hush&x=1", "OV-Token=***&x=1"),
        ('{"ov_token": "hush", "x": 1}', '{"ov_token": "***", "x": 1}'),
        ("{'authorization': 'Basic aHVzaA=='}", "{'authorization': '***'}"),
        ("Authorization: Bearer hush", "Authorization: ***"),
        ("api_key=hush sending-key: hush signing_key='hush'", "api_key=*** sending-key: *** signing_key='***'"),
        ('"token": "hush"', '"token": "***"'),
        ("signature=hush password = hush", "signature=*** password = ***"),
        ("to ann.o'neil+tag@mail.example.com now", "to ***@*** now"),
        ("<ann@example.com>, bob@example.org", "<***@***>, ***@***"),
        ("GET https://h/v3/d/bounces/ann%2Bx%40example.com?a=b", "GET https://h/v3/d/bounces/***@***?a=b"),
        ("OMNIVERY_TOKEN=hush OMNIVERY_API_KEY=hush", "OMNIVERY_TOKEN=*** OMNIVERY_API_KEY=***"),
        ("[(b'ov-token', b'hush'), ('x', '1')]", "[(b'ov-token', b'***'), ('x', '1')]"),
        ("tokens: 5 of 500, keyboard: on, nobody @ home", "tokens: 5 of 500, keyboard: on, nobody @ home"),
        ("to=ann%40example.com%2Cbob%40example.org&x=1", "to=***@******@***&x=1"),
        ("'ann@example.com'+'bob@example.org'", "***@******@***'"),
        ("ann@localhost, @example.com, 100%, 40%40 off", "ann@localhost, @example.com, 100%, 40%40 off"),
    ],
)
def test_what_looks_like_a_secret_or_an_email_address_is_masked(text: str, masked: str) -> None:
    assert redact(text) == masked


EMAIL_ADDRESS = re.compile(r"[\w.+%\-']+?(?:@|%40)[\w\-]+(?:\.[\w\-]+)+")
"""The definition that is easy to read. A search for it takes quadratic time."""


@given(st.text(alphabet="ab@%40.-' ", max_size=30))
def test_no_email_address_is_left_whatever_stands_around_it(text: str) -> None:
    assert EMAIL_ADDRESS.search(redact(text)) is None


def test_redaction_takes_linear_time_for_hostile_text() -> None:
    """A server's error message is redacted on the event loop. In quadratic time each of these texts takes a minute."""
    script = """
from omnivery._logging import redact
for part in ("a", "a@", "a.", "x@a.", "%40", "%40a", "%", "token", "token ", "token:", "token: ", "token :bearer ",
             "'token', ", "api", "ov-", "password='", "'", " ", "signature", "a@b.", "-", "."):
    text = part * (100_000 // len(part))
    for hostile in (text, "x@" + text, "token" + text, text + "@", "token" + " " * 50_000 + text):
        redact(hostile)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)


def test_the_filter_masks_what_comes_in_by_arguments() -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "%s wrote %d to %s", ("Bob", 5, "ann@example.com"), None)
    assert RedactionFilter().filter(record)
    assert logging.Formatter("%(message)s").format(record) == "Bob wrote 5 to ***@***"


def test_the_filter_leaves_a_record_without_secrets_as_it_was() -> None:
    """Other handlers, and error trackers that group by template, want to see the arguments."""
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "%d of %d", (1, 2), None)
    assert RedactionFilter().filter(record)
    assert (record.msg, record.args) == ("%d of %d", (1, 2))


def test_the_filter_never_breaks_a_program_over_a_malformed_record() -> None:
    """logging itself prints a note and goes on; a handler with this filter must do no worse."""
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "%d", ("no number",), None)
    assert RedactionFilter().filter(record)


def failure(text: str) -> Any:
    with pytest.raises(ValueError, match=text) as caught:
        raise ValueError(text)
    return caught.type, caught.value, caught.tb


def test_the_filter_masks_tracebacks() -> None:
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), failure("no mailbox ann@example.com"))
    record.stack_info = "Stack (most recent call last): token=hush"
    assert RedactionFilter().filter(record)
    text = logging.Formatter("%(message)s").format(record)
    assert "ValueError: no mailbox ***@***" in text
    assert "token=***" in text
    assert "ann@" not in text
    assert "hush" not in text
    assert record.exc_info is None, "a formatter that formats it again would not mask it"


def test_the_filter_masks_a_traceback_that_another_formatter_has_cached() -> None:
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), failure("for ann@example.com"))
    logging.Formatter().format(record)
    assert RedactionFilter().filter(record)
    assert "ann@" not in logging.Formatter().format(record)


def test_the_filter_leaves_a_traceback_without_secrets_as_it_was() -> None:
    """Error trackers want the exception itself."""
    info = failure("the disk is full")
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), info)
    assert RedactionFilter().filter(record)
    assert (record.exc_info, record.exc_text) == (info, None)


def test_our_loggers_mask_even_without_help(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        get_logger("omnivery.test").warning("token=%s", TOKEN)
    assert caplog.messages == ["token=***"]


def test_a_program_without_logging_sees_nothing_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    logger = get_logger("omnivery.test.silent")
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    try:
        logger.warning("nobody asked for this")
    finally:
        root.handlers = before
    assert capsys.readouterr().err == ""


PROGRAM = """
import logging, sys
from omnivery._logging import get_logger
exec(sys.argv[1])
get_logger("omnivery.test").debug("detail")
get_logger("omnivery.test").info("token=%s", "hush")
"""


def printed(monkeypatch: pytest.MonkeyPatch, level: str, setup: str = "") -> str:
    """What a program that logs prints to standard error, with OMNIVERY_LOG set."""
    monkeypatch.setenv("OMNIVERY_LOG", level)
    command = [sys.executable, "-c", PROGRAM, setup]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def test_an_environment_variable_switches_logging_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"\S+ \S+ INFO omnivery\.test: token=\*\*\*\n", printed(monkeypatch, "info"))
    assert [line.split()[2] for line in printed(monkeypatch, " Debug ").splitlines()] == ["DEBUG", "INFO"]
    assert printed(monkeypatch, "") == ""


def test_an_unknown_level_is_told_and_breaks_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(monkeypatch, "loud")
    assert text.count("\n") == 1
    assert "OMNIVERY_LOG must be debug or info" in text


def test_a_program_that_sets_up_logging_finds_each_record_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(monkeypatch, "info", "logging.basicConfig(format='own %(message)s')") == "own token=***\n"
    own_handler = "logging.getLogger('omnivery').addHandler(logging.StreamHandler())"
    assert printed(monkeypatch, "info", own_handler) == "token=***\n"


def test_filters_and_handlers_do_not_pile_up() -> None:
    logger = get_logger("omnivery.test.again")
    handlers = len(logging.getLogger("omnivery").handlers)
    for _ in range(3):
        get_logger("omnivery.test.again")
    assert (len(logger.filters), len(logging.getLogger("omnivery").handlers)) == (1, handlers)


@pytest.mark.anyio
async def test_bulk_runs_log_no_event(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(stream: ByteStream, _seen: Seen) -> None:
        await stream.send(http_response("500 Internal Server Error", ECHO))

    with caplog.at_level(logging.DEBUG), anyio.fail_after(30):
        async with (
            serve(handler) as server,
            AsyncAutomations(
                TOKEN,
                domain="example.com",
                base_url=server.url,
                webhook_url="https://example.org/hook",
                retry=RetryPolicy(attempts=1),
            ) as client,
        ):
            report = await client.bots.submit(
                [EVENT, {"ip": "not 198.51.100.77", "uas": "x", "event_id": "e-2"}], max_outage=0
            )
    assert (report.undelivered, report.rejected) == (1, 1)
    assert [line for line in caplog.messages if any(word in line for word in PERSONAL)] == []
    assert not any(word in repr(report) for word in PERSONAL)


def test_a_throttle_logs_a_leap_in_the_count_once() -> None:
    throttle = LogThrottle()
    assert [throttle.add(more) for more in (500, 1, 11, 600)] == [True, False, True, True]
