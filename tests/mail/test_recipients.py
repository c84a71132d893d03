"""Mailboxes: a name stays a name whatever is in it, and nobody is mailed or missed by accident."""

from __future__ import annotations

from email.headerregistry import Address
from email.utils import parseaddr
from typing import Any

import pytest

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
