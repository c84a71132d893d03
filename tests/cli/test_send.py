"""`omnivery send`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from omnivery.emulator import Emulator
from tests.cli.conftest import Command
from tests.support.cli import error_of, on_terminal, output_of, settings_of
from tests.support.waiting import killed_in_the_end

TO = ("--from", "News <news@mail.example.com>", "--to", "ann@example.com")
MIME = b"From: a@mail.example.com\r\nTo: x@example.com\r\nBcc: s@example.com\r\nSubject: s\r\n\r\nhello"


@pytest.mark.parametrize("surface", ["mailgun", "automations"])
def test_a_message_is_sent_with_all_that_it_has(
    command: Command, server: Emulator, tmp_path: Path, surface: str
) -> None:
    html, report, logo = tmp_path / "a.html", tmp_path / "report.pdf", tmp_path / "logo.png"
    html.write_text("<p>H\u20acllo</p>", "utf-8")
    report.write_bytes(b"%PDF")
    logo.write_bytes(b"png")
    result = command(
        "send", *TO, "--to", "bob@example.com", "--cc", "c1@example.com", "--cc", "c2@example.com", "--bcc",
        "b@example.com", "--reply-to", "r@example.com", "--subject", "H\u20acllo", "--text", "Good morning!",
        "--html-file", str(html), "--attach", str(report), "--inline", str(logo), "--tag", "a", "--tag", "b",
        "--header", "X-Own: 1: 2", "--custom", "order=4=2", "--no-tracking", "--test-mode", "--surface", surface,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, b"")
    sent = output_of(result)
    assert sent["surface"] == surface
    message = next(one for one in server.messages if one.id == sent["id"])
    assert message.to == ("ann@example.com", "bob@example.com")
    assert (message.cc, message.bcc) == (("c1@example.com", "c2@example.com"), ("b@example.com",))
    assert (message.subject, message.text, message.html) == ("H\u20acllo", "Good morning!", "<p>H\u20acllo</p>")
    assert [(file.name, file.content) for file in (*message.attachments, *message.inline)] == [
        ("report.pdf", b"%PDF"),
        ("logo.png", b"png"),
    ]
    assert message.values("o:tag") == ["a", "b"]
    assert (message.value("h:X-Own"), message.value("v:order"), message.value("o:tracking")) == ("1: 2", "4=2", "no")
    assert message.test_mode


def test_arguments_are_utf_8_where_the_locale_has_another_encoding(
    command: Command, server: Emulator, tmp_path: Path
) -> None:
    """So does Python leave the bytes of an argument with LC_ALL=POSIX and PYTHONUTF8=0, as in some containers."""
    umlaut = "\u00fc".encode().decode("ascii", "surrogateescape")
    file = tmp_path / f"{umlaut}.txt"
    file.write_bytes(b"x")
    arguments = ("--subject", umlaut, "--tag", umlaut, "--custom", f"x={umlaut}", "--attach", str(file))
    sent = output_of(command("send", *TO, "--cc", f"{umlaut} <c@example.com>", "--text", umlaut, *arguments))
    message = next(one for one in server.messages if one.id == sent["id"])
    assert (message.subject, message.text, message.values("o:tag")) == ("\u00fc", "\u00fc", ["\u00fc"])
    assert (message.value("v:x"), message.attachments[0].name) == ("\u00fc", "\u00fc.txt")


@pytest.mark.parametrize("option", ["--from", "--subject", "--tag", "--custom"])
def test_an_argument_in_another_encoding_is_refused_by_its_name(command: Command, option: str) -> None:
    result = command("send", *TO, "--text", "x", option, "a=\udcfc", "--dry-run")
    assert result.returncode == 2
    assert error_of(result)["message"] == f"{option}: its value is not text in UTF-8, but in another encoding"


@pytest.mark.parametrize("arguments", [("-",), ("--text", "-"), ("--text-file", "-"), ("--html", "-")])
def test_a_body_comes_from_standard_input(command: Command, server: Emulator, arguments: tuple[str, ...]) -> None:
    sent = output_of(command("send", *TO, *arguments, stdin="disk: 9\u202f%\n".encode()))
    message = next(one for one in server.messages if one.id == sent["id"])
    assert (message.html if "--html" in arguments else message.text) == "disk: 9\u202f%\n"


def test_a_mime_message_goes_to_its_own_recipients_and_shows_none_in_bcc(command: Command, server: Emulator) -> None:
    sent = output_of(command("send", "--mime", "-", "--tag", "a", stdin=MIME))
    message = next(one for one in server.messages if one.id == sent["id"])
    assert message.recipients == ("x@example.com", "s@example.com")
    assert message.mime is not None
    assert b"s@example.com" not in message.mime
    sent = output_of(command("send", "--mime", "-", "--to", "only@example.com", stdin=MIME))
    assert next(one for one in server.messages if one.id == sent["id"]).recipients == ("only@example.com",)


def test_a_template_gets_its_variables(command: Command, server: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "variables.json"
    file.write_text('{"name": "Bob", "n": 1}')
    sent = output_of(command("send", *TO, "--template", "welcome", "--variables", str(file), "--variable", "name=Ann"))
    message = next(one for one in server.messages if one.id == sent["id"])
    assert (message.value("template"), message.value("t:variables")) == ("welcome", '{"name":"Ann","n":1}')


@pytest.mark.parametrize("surface", ["mailgun", "automations"])
def test_a_dry_run_shows_the_request_and_sends_nothing(
    command: Command, server: Emulator, tmp_path: Path, surface: str
) -> None:
    """It needs no key: one may look before one has an account."""
    before = len(server.messages)
    file = tmp_path / "a.txt"
    file.write_bytes(b"12345")
    nothing = {"OMNIVERY_API_KEY": "", "OMNIVERY_SENDING_KEY": "", "OMNIVERY_TOKEN": ""}
    arguments = ("send", *TO, "--text", "x", "--attach", str(file), "--dry-run", "--surface", surface)
    shown = output_of(command(*arguments, environment=nothing))
    assert len(server.messages) == before
    assert (shown["dry_run"], shown["surface"], shown["method"]) == (True, surface, "POST")
    assert shown["url"].endswith("/mail.example.com/messages")
    assert ["text", "x"] in shown["fields"]
    assert shown["files"] == [{"field": "attachment", "name": "a.txt", "type": "text/plain; charset=utf-8", "bytes": 5}]


def test_a_dry_run_of_a_mime_message_names_its_recipients(command: Command) -> None:
    shown = output_of(command("send", "--mime", "-", "--dry-run", stdin=MIME))
    assert shown["fields"] == [["to", "x@example.com"], ["to", "s@example.com"]]
    assert shown["url"].endswith("/messages.mime")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--to", "a@example.com", "--text", "x"), "--from"),
        (("--from", "a@mail.example.com", "--text", "x"), "--to"),
        (TO, "no content"),
        ((*TO, "--text", "x", "-"), "- and --text"),
        ((*TO, "--text", "x", "--text-file", "-"), "--text-file"),
        ((*TO, "--text", "-", "--html", "-"), "only one"),
        ((*TO, "--text", "x", "--attach", "/nowhere/a.pdf"), "/nowhere/a.pdf"),
        ((*TO, "--text", "x", "--header", "X"), "NAME: VALUE"),
        ((*TO, "--text", "x", "--at", "tomorrow"), "tomorrow"),
        ((*TO, "--text", "x", "--at", "2030-01-01T00:00"), "zone"),
        (("--mime", "-", "--subject", "x"), "--subject"),
        (("--mime", "-", "--surface", "automations"), "MIME"),
        ((*TO, "--template", "x", "--variables", "-"), "JSON object"),
        ((*TO, "--text-file", "-"), "UTF-8"),
        ((*TO, "--text-file", os.devnull), "is empty: the message would have no text"),
        ((*TO, "--text", "x", "--at", "2030-01-01T00:00Z", "--surface", "automations"), "--at: "),
    ],
)
def test_what_cannot_be_sent_is_said_before_anything_is(
    command: Command, server: Emulator, arguments: tuple[str, ...], word: str
) -> None:
    before = len(server.messages)
    result = command("send", *arguments, stdin=b"\xff")
    assert (result.returncode, result.stdout) == (2, b"")
    assert word in error_of(result)["message"]
    assert len(server.messages) == before


def test_a_refusal_says_what_to_do(command: Command) -> None:
    result = command("send", "--from", "a@example.net", "--to", "b@example.com", "--text", "x")
    error = error_of(result)
    assert (result.returncode, error["type"]) == (1, "BadRequestError")
    assert "sending domain" in error["message"]


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_ctrl_c_says_that_the_message_may_have_been_sent() -> None:
    """A server that takes the request and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = {"OMNIVERY_API_KEY": "k", "OMNIVERY_DOMAIN": "mail.example.com", "OMNIVERY_MAILGUN_URL": url}
        arguments = [sys.executable, "-m", "omnivery", "send", *TO, "--text", "x"]
        with (
            subprocess.Popen(arguments, stderr=subprocess.PIPE, env={**os.environ, **settings}) as process,
            killed_in_the_end(process),
        ):
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(10)
                # Time to begin the system call that waits for the response: a signal just before it, as in any program
                # in Python, is seen after the 30 s of its timeout. If this is too short, the test is slow, and passes.
                time.sleep(0.05)
                process.send_signal(signal.SIGINT)
                _, complaints = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"may have been sent" in complaints


def test_what_comes_from_outside_cannot_steer_the_terminal(server: Emulator) -> None:
    arguments = ("send", *TO, "--subject", "a\x9b2Jb", "--text", "one\n\x1b[31mtwo", "--dry-run")
    status, shown = on_terminal(*arguments, environment=settings_of(server))
    assert status == 0
    assert "\x9b" not in shown
    assert "\x1b[31m" not in shown
    assert "Nothing was sent." in shown
