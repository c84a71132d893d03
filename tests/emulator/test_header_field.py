"""Header fields of composed messages, read back by the standard library."""

from __future__ import annotations

import time
from email import message_from_bytes
from email.policy import SMTP

import pytest

from omnivery.emulator.header_field import write_field


def read(field: bytes, name: str) -> str:
    assert field.endswith(b"\r\n")
    assert all(len(line) <= 998 for line in field.split(b"\r\n"))
    return str(message_from_bytes(field + b"\r\n", policy=SMTP)[name])


@pytest.mark.parametrize(
    "value",
    [
        "Hello",
        "Grüße aus München",
        "日本語" * 50,
        "\N{FAMILY}\N{GRINNING FACE}" * 30,
        "word " * 100 + "end",
        "two  spaces",
        "x" * 3000,
        "ü " + "x" * 3000,
        "100% =? done",
    ],
)
def test_text_comes_back_as_it_was(value: str) -> None:
    assert read(write_field("Subject", value), "Subject") == value


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("Ann <ann@example.com>, bob@example.org", ["Ann", ""]),
        ('"Müller, Jürgen" <ann@example.com>, Bö <bob@example.org>', ["Müller, Jürgen", "Bö"]),
        ('"A \\"B\\" C." <ann@example.com>, "Bob, B." <bob@example.org>', ['A "B" C.', "Bob, B."]),
    ],
)
def test_addresses_keep_their_names(value: str, names: list[str]) -> None:
    parsed = message_from_bytes(write_field("To", value) + b"\r\n", policy=SMTP)["To"].addresses
    assert [each.addr_spec for each in parsed] == ["ann@example.com", "bob@example.org"]
    assert [each.display_name for each in parsed] == names


def test_many_recipients_are_many_lines() -> None:
    value = ", ".join(f"Recipient {n} <r{n}@example.com>" for n in range(1000))
    field = write_field("To", value)
    assert max(map(len, field.split(b"\r\n"))) <= 78
    assert len(message_from_bytes(field + b"\r\n", policy=SMTP)["To"].addresses) == 1000


@pytest.mark.parametrize("bad", ["\r\n", "\n", "\r", "\x00", "\x85", "\u2028", "\x0b"])
def test_a_value_stays_in_its_field(bad: str) -> None:
    assert read(write_field("Subject", f"a{bad}Bcc: b"), "Subject") == "a Bcc: b"
    assert write_field("To", f"a@example.org{bad}Bcc: b").count(b"\r\n") == 1


@pytest.mark.parametrize("value", ["x " * 100_000, "ü" * 100_000, ";" * 20_000, "a@b.org," * 10_000])
def test_time_grows_with_the_length_and_no_faster(value: str) -> None:
    """The standard library takes minutes for some of these."""
    for name in ("Subject", "To"):
        start = time.thread_time()
        write_field(name, value)
        assert time.thread_time() - start < 5
