"""Where messages are passed on to, and what the failures of SMTP mean."""

from __future__ import annotations

import smtplib

import pytest

from omnivery.emulator.smtp_connection import SmtpConnection, SmtpServer, failure_of
from omnivery.errors import ConfigError
from tests.support.smtp import smtp_server


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:1025", "127.0.0.1", 1025), ("mailpit:25", "mailpit", 25), ("[::1]:1025", "::1", 1025)],
)
def test_a_server_is_host_and_port(text: str, host: str, port: int) -> None:
    server = SmtpServer.parse(text)
    assert (server.host, server.port, str(server)) == (host, port, text)


@pytest.mark.parametrize(
    "text", ["", "mailpit", ":25", "a:0", "a:65536", "::1:25", "smtp://a:25", "a:b", "u@a:25", "a b:1"]
)
def test_what_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match=r"HOST:PORT, such as 127\.0\.0\.1:1025"):
        SmtpServer.parse(text)


@pytest.mark.parametrize(
    ("error", "text", "status", "is_temporary"),
    [
        (smtplib.SMTPRecipientsRefused({"a": (550, b"5.1.1 no\r\nsuch user")}), "5.1.1 no such user", 550, False),
        (smtplib.SMTPRecipientsRefused({"a": (450, b"later")}), "later", 450, True),
        (smtplib.SMTPDataError(554, b"spam"), "spam", 554, False),
        (smtplib.SMTPConnectError(421, "busy"), "busy", 421, True),
        (smtplib.SMTPServerDisconnected("gone"), "gone", None, True),
        (smtplib.SMTPNotSupportedError("no SMTPUTF8"), "no SMTPUTF8", None, False),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused", None, True),
        (TimeoutError("timed out"), "timed out", None, True),
        (OSError(), "OSError", None, True),
        (RecursionError(), "no MIME text could be made: RecursionError", None, False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, text: str, status: int | None, is_temporary: bool) -> None:
    failure = failure_of(error)
    assert (failure.text, failure.status, failure.is_temporary) == (text, status, is_temporary)


def test_a_long_reply_is_cut_off() -> None:
    assert len(failure_of(smtplib.SMTPDataError(554, b"x" * 5000)).text) == 200


def test_8_bit_text_and_foreign_addresses_use_the_servers_extensions() -> None:
    with smtp_server() as server:
        connection = SmtpConnection(SmtpServer.parse(server.address))
        assert (
            connection.send("a@example.com", ["b@example.com", '"a b"@example.com'], b"X: y\r\n\r\n\xff\r\n.\r\n") == 0
        )
        assert connection.send("a@example.com", ["ü@example.com"], b"X: y\r\n\r\n") == 0
        server.extensions = ()
        connection.close()
        with pytest.raises(smtplib.SMTPNotSupportedError):
            connection.send("a@example.com", ["ü@example.com"], b"X: y\r\n\r\n")
        connection.close()
    assert [each.recipients for each in server.arrived] == [
        ("b@example.com", '"a b"@example.com'),
        ("ü@example.com",),
    ]
    assert [set(each.options.upper().split()) for each in server.arrived] == [
        {"BODY=8BITMIME"},
        {"SMTPUTF8"},
    ]
    assert server.arrived[0].data == b"X: y\r\n\r\n\xff\r\n.\r\n"
