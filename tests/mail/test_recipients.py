"""Mailboxes: a name stays a name whatever is in it, and nobody is mailed or missed by accident."""

from __future__ import annotations

from contextlib import suppress
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis.strategies import characters, text

from omnivery.errors import ConfigError
from omnivery.mail.recipients import address_of, bare_addresses, count_mailboxes, write_mailboxes


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("ann@example.com", ["ann@example.com"]),
        (" ann@example.com ", ["ann@example.com"]),
        ('"Doe, Ann" <ann@example.com>', ['"Doe, Ann" <ann@example.com>']),
        (("Ann", "ann@example.com"), ['"Ann" <ann@example.com>']),
        (("", "ann@example.com"), ["ann@example.com"]),
        (("Doe, Ann", "ann@example.com"), ['"Doe, Ann" <ann@example.com>']),
        (('Ann "Annie" \\o/', "ann@example.com"), ['"Ann \\"Annie\\" \\\\o/" <ann@example.com>']),
        (("Jörg Müller", "joerg@example.com"), ['"Jörg Müller" <joerg@example.com>']),
        (Address("Doe, Ann", "ann", "example.com"), ['"Doe, Ann" <ann@example.com>']),
        (Address(addr_spec="ann@example.com"), ["ann@example.com"]),
        (["a@example.com", ("B", "b@example.com"), Address("C", "c", "example.com")],
         ["a@example.com", '"B" <b@example.com>', "C <c@example.com>"]),
        (("a@example.com", "b@example.com", "c@example.com"), ["a@example.com", "b@example.com", "c@example.com"]),
        ((("A", "a@example.com"), ("B", "b@example.com")), ['"A" <a@example.com>', '"B" <b@example.com>']),
        ([], []),
        ("", []),
        (" ", []),
        ('"Doe; Ann" <ann@example.com>', ['"Doe; Ann" <ann@example.com>']),
        ("Ann (Sales; EU) <ann@example.com>", ["Ann (Sales; EU) <ann@example.com>"]),
        (('Ann; "B"', "ann@example.com"), ['"Ann; \\"B\\"" <ann@example.com>']),
    ],
)  # fmt: skip
def test_every_form_is_written_as_the_api_takes_it(given: Any, written: list[str]) -> None:
    assert write_mailboxes(given, argument="to") == written


@pytest.mark.parametrize("name", ["Ann", "Doe, Ann", 'Ann "Annie"', "back\\slash", "Jörg; (jr.) <x>", "李"])
def test_a_name_is_read_back_as_it_was_given(name: str) -> None:
    """Whatever stands in a name, there is one recipient, and it is the right one."""
    (text,) = write_mailboxes((name, "ann@example.com"), argument="to")
    assert parseaddr(text) == (name, "ann@example.com")


def test_a_tuple_of_two_addresses_is_refused() -> None:
    """It reads like a list, and as a pair the first of the two would get no mail, in silence."""
    with pytest.raises(ConfigError, match=r"to: .*several addresses go in a list.*Nothing was sent"):
        write_mailboxes(("ann@example.com", "bob@example.com"), argument="to")


@pytest.mark.parametrize("address", ["a@b.c>, <victim@x.net", "a@b.c, victim@x.net", "Ann <a@b.c>", "a@b.c;d@e.f"])
@pytest.mark.parametrize("name", ["Ann", ""])
def test_the_address_of_a_pair_brings_no_second_one(name: str, address: str) -> None:
    """It may come from a form that anybody can fill in."""
    with pytest.raises(ConfigError, match="bare") as caught:
        write_mailboxes((name, address), argument="to")
    assert "victim" not in str(caught.value)


@pytest.mark.parametrize("given", ["a@b.c; d@e.f", "A <a@b.c>;D <d@e.f>", '"A" <a@b.c>; "D" <d@e.f>', ["a@b.c;"]])
def test_a_semicolon_between_addresses_is_refused(given: Any) -> None:
    """Some mail programs write lists so; a server may take the first address and pass over the others."""
    with pytest.raises(ConfigError, match=r"^to: a comma separates addresses, not a semicolon\. Nothing was sent\.$"):
        write_mailboxes(given, argument="to")


@pytest.mark.parametrize("given", [[""], "Ann", None, 5, b"ann@example.com", ("Ann", "nowhere"), {"a@b": 1}, [None]])
def test_what_is_no_mailbox_is_refused(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"^cc: .*Nothing was sent\.$"):
        write_mailboxes(given, argument="cc")


@pytest.mark.parametrize("line_break", ["\r\n", "\r", "\n", "\0"])
@pytest.mark.parametrize("place", ["text", "name", "address"])
def test_a_line_break_is_refused(line_break: str, place: str) -> None:
    """Header injection: what follows the break would be a header of the attacker's."""
    bad = f"ann{line_break}Bcc: victim@example.org"
    given: Any = {"text": f"{bad} <a@example.com>", "name": ("x" + line_break, "a@b.c"), "address": ("x", bad)}[place]
    with pytest.raises(ConfigError, match=r"line break|bare one") as caught:
        write_mailboxes(given, argument="to")
    assert "victim" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "Ann @ Home",
        "ann@home",
        "Ann: Sales",
        "Ann (Sales",
        "Ann) Sales",
        "Ann [EU]",
        'Ann "The Boss',
        'O"Brien',
        "back\\slash",
        "a < b",
        "Dr. Ann M. Doe",
        "Müller-Lüdenscheidt",
        "👩\u200d💻 Ann",
        "ann.doe+tag=x!",
        "'Ann'",
        "Ann\tDoe",
    ],
)
def test_a_name_and_an_address_that_a_program_joined_are_one_mailbox(name: str) -> None:
    """A sign-up form gives a name as somebody typed it, and f"{name} <{address}>" is how it gets into a header."""
    (text,) = write_mailboxes(f"{name} <ann@example.com>", argument="to")
    assert parseaddr(text) == (name.replace("\t", " "), "ann@example.com")
    assert count_mailboxes([text]) == 1
    assert bare_addresses([text]) == ["ann@example.com"]


@pytest.mark.parametrize(
    "text",
    [
        "Ann Doe <ann@example.com>",
        '"Ann @ Home" <ann@example.com>',
        "Ann (Sales) <ann@example.com>",
        "ann@example.com (Ann, Sales)",
        "(Ann) ann@example.com",
        "<ann@example.com>",
        '"ann doe"@example.com',
        "ann@[192.0.2.1]",
        "jörg@müller.example",
        '"Ann"<ann@example.com>',
        "=?utf-8?q?J=C3=B6rg?= <ann@example.com>",
        'Ann "Annie" Doe <ann@example.com>, Bob <bob@example.com>',
    ],
)
def test_text_that_is_sound_is_sent_as_it_is(text: str) -> None:
    assert write_mailboxes(text, argument="to") == [text]


def test_only_the_name_that_needs_it_is_put_into_quotes() -> None:
    given = 'Ann @ Home <a@x.org>, , b@x.org, O"Brien <o@x.org>, D"Arcy <d@x.org>,'
    (text,) = write_mailboxes(given, argument="to")
    assert text == '"Ann @ Home" <a@x.org>, b@x.org, "O\\"Brien" <o@x.org>, "D\\"Arcy" <d@x.org>'
    assert bare_addresses([text]) == ["a@x.org", "b@x.org", "o@x.org", "d@x.org"]


@pytest.mark.parametrize(
    "given",
    [
        "Acme, Inc. <news@x.net>",
        "Doe, John <john@x.net>",
        ["Doe, John <john@x.net>"],
        ["ann@x.net", "Doe, John, Jr. <john@x.net>"],
        "ann@x.net, Doe, John <john@x.net>",
        'Acme "The Best, Inc. <news@x.net>',
        "john@x.net, Doe",
    ],
)
def test_a_comma_that_nobody_quoted_is_found_before_sending(given: Any) -> None:
    """It makes two mailboxes, the first of which has no address. The server's 400 says nothing of a comma."""
    with pytest.raises(
        ConfigError, match=r"^cc: .*comma.*in quotes.*pair \(name, address\)\. Nothing was sent\.$"
    ) as caught:
        write_mailboxes(given, argument="cc")
    assert "x.net" not in str(caught.value)
    assert "Doe" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "a <b@x.net> <c@x.net>",
        "ann@x.net bob@x.net",
        "Ann ann@x.net",
        '"Doe, John" john@x.net',
        "Ann <ann@x.net",
        "Ann ann@x.net>",
        "mailto:ann@x.net",
        "ann@bob@x.net",
        "Ann <ann@bob@x.net>",
        "Ann <ann @x.net>",
        "Ann <a@x.net,b@x.net>",
        "Ann <@x.net>",
        "ann@",
        "@",
    ],
)
def test_text_that_is_not_one_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^to: .*Nothing was sent\.$") as caught:
        write_mailboxes(text, argument="to")
    assert "x.net" not in str(caught.value)


@pytest.mark.parametrize(
    ("pair", "written"),
    [
        ((None, "ann@example.com"), "ann@example.com"),
        (("  ", " ann@example.com "), "ann@example.com"),
        (("ann@example.com", "ann@example.com"), '"ann@example.com" <ann@example.com>'),
        (("Ann@Example.com", "ann@example.com"), '"Ann@Example.com" <ann@example.com>'),
        (("Ann @ Home", "ann@example.com"), '"Ann @ Home" <ann@example.com>'),
        (("ann@home", "ann@example.com"), '"ann@home" <ann@example.com>'),
        (("\tAnn\x1b \u2028Doe ", "ann@example.com"), '"Ann   Doe" <ann@example.com>'),
        (("👩\u200d💻", "ann@example.com"), '"👩\u200d💻" <ann@example.com>'),
    ],
)
def test_a_pair_takes_any_name_that_somebody_typed(pair: Any, written: str) -> None:
    assert write_mailboxes(pair, argument="to") == [written]


@given(name=text(alphabet=characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=30))
def test_whatever_the_name_a_pair_has_one_recipient(name: str) -> None:
    assume("." not in name.rpartition("@")[2] or "@" not in name)
    (written,) = write_mailboxes((f"x{name}", "ann@example.com"), argument="to")
    assert bare_addresses([written]) == ["ann@example.com"]
    assert count_mailboxes([written]) == 1


@given(name=text(alphabet='ab ,;:"\\()<>@.[]', max_size=12))
def test_a_joined_text_has_the_one_recipient_or_is_refused(name: str) -> None:
    """Nobody is lost and nobody is added, whatever stands before the address."""
    try:
        (written,) = write_mailboxes(f"{name} <ann@example.com>", argument="to")
    except ConfigError:
        return
    found = bare_addresses([written])
    assert found[-1] == "ann@example.com"
    assert len(found) == 1 or "," in name


@pytest.mark.parametrize("part", ["<", '"', "(", '\\"', "(\\", ' "', "<(", "a ", ", "])
def test_reading_takes_linear_time(part: str) -> None:
    """A name can be as long as a form lets it be. A quadratic reading of this would take hours."""
    with suppress(ConfigError):
        write_mailboxes(f"{part * 200_000} <ann@example.com>", argument="to")


@pytest.mark.parametrize(
    ("texts", "count"),
    [
        (["a@b.c"], 1),
        (["a@b.c, d@e.f"], 2),
        (['"Doe, Ann" <a@b.c>'], 1),
        (["a@b.c", '"X, Y" <a@b.c>, d@e.f'], 3),
        ([], 0),
    ],
)
def test_commas_count_between_mailboxes_and_not_within_names(texts: list[str], count: int) -> None:
    assert count_mailboxes(texts) == count


def test_bare_addresses_are_those_of_every_mailbox() -> None:
    assert bare_addresses(['"Doe, Ann" <a@b.c>, d@e.f', "x@y.z"]) == ["a@b.c", "d@e.f", "x@y.z"]
    assert bare_addresses(["Ann <nowhere>"]) == [""]


@pytest.mark.parametrize(
    ("text", "address"),
    [("a@b.c", "a@b.c"), ('"Doe, Ann" <a@b.c>', "a@b.c"), ("a@b.c, d@e.f", None), ("Ann", None), ("", None)],
)
def test_the_bare_address_of_one_mailbox(text: str, address: str | None) -> None:
    assert address_of(text) == address
