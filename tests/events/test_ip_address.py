"""IP addresses as people's systems write them: which are read, in which form they are sent, and why others are not."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnivery.events.ip_address import client_address, client_fault, is_address, plain_address


@pytest.mark.parametrize(
    "text",
    [
        "999.1.1.1",
        "1.2.3",
        "01.2.3.4",
        "0x7f.0.0.1",
        "example.com",
        "fe80::1%eth0",
        "203.0.113.7:443",
        "[2001:db8::1]",
        "203.0.113.0/24",
        " 203.0.113.7",
        "203.0.113.7\n",
        "203.0.113.7\0",
        "203.0.113.7, 203.0.113.8",
        "\u0662\u0660\u0663.0.113.7",
        "\ud800",
        "",
    ],
)
def test_what_is_no_plain_address(text: str) -> None:
    """Lenient parsers read `01.2.3.4` as octal and `1.2.3` as `1.2.0.3`: a verdict about somebody else."""
    assert not is_address(text)


@pytest.mark.parametrize("text", ["0.0.0.0", "203.0.113.7", "::", "::1", "2001:DB8:0:0:0:0:0:1"])
def test_what_is_a_plain_address(text: str) -> None:
    assert is_address(text)
    assert plain_address(text) == text


@pytest.mark.parametrize(
    "text", ["::ffff:192.0.2.1", "::FFFF:192.0.2.1", "0:0:0:0:0:ffff:192.0.2.1", "::ffff:c000:201", "::fFfF:C000:0201"]
)
def test_an_ipv4_mapped_address_is_that_ipv4_address(text: str) -> None:
    """A dual-stack server sees IPv4 clients so; lists of IPv4 networks do not match that spelling."""
    assert plain_address(text) == "192.0.2.1"


@pytest.mark.parametrize("text", ["::192.0.2.1", "64:ff9b::192.0.2.1", "::ffff:0:192.0.2.1", "2001:db8::ffff:c000:201"])
def test_other_addresses_that_hold_an_ipv4_address_stay_as_they_are(text: str) -> None:
    assert plain_address(text) == text


@given(st.ip_addresses())
def test_every_address_is_itself(address: IPv4Address | IPv6Address) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    assert plain_address(str(address)) == str(mapped or address)
    assert plain_address(f"::ffff:{address}") == (str(address) if address.version == 4 else None)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.7:55220", "198.51.100.7"),
        ("[2001:db8::7]:55220", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[fe80::1%eth0]:80", "fe80::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::1%0", "::1"),
        ("fe80::1%en-0.1", "fe80::1"),
        ("[::ffff:198.51.100.7]:80", "198.51.100.7"),
        ("::ffff:198.51.100.7:80", "198.51.100.7"),
        ("0:0:0:0:0:0:0:1:55220", "0:0:0:0:0:0:0:1"),
        ("198.51.100.7/32", "198.51.100.7"),
        ("2001:db8::7/128", "2001:db8::7"),
        ('"198.51.100.7"', "198.51.100.7"),
        (" 198.51.100.7 ", "198.51.100.7"),
    ],
)
def test_what_servers_and_databases_write_around_an_address_is_taken_off(written: str, address: str) -> None:
    """Azure's gateways add the port, IIS the zone, PostgreSQL the prefix length of one host."""
    assert client_address(written) == address


@given(st.ip_addresses(), st.integers(0, 65_535))
def test_an_address_with_a_port_is_read(address: IPv4Address | IPv6Address, port: int) -> None:
    expected = plain_address(str(address))
    assert client_address(f"{address}:{port}" if address.version == 4 else f"[{address}]:{port}") == expected
    if isinstance(address, IPv6Address):
        assert client_address(f"{address.exploded}:{port}") == plain_address(address.exploded)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "no client address"),
        ("-", "no client address"),
        ('""', "no client address"),
        ("unix:", "Unix socket"),
        ("198.51.100.7, 203.0.113.9", "list of addresses"),
        ('"198.51.100.7, 203.0.113.9"', "list of addresses"),
        ("mail.example.com", "HostnameLookups"),
        ("localhost", "HostnameLookups"),
        ("ip-10-0-0-1.ec2.internal.", "HostnameLookups"),
        ("1.2.3", "not an IPv4 or IPv6 address"),
        ("198.51.100.0/24", "not an IPv4 or IPv6 address"),
        ("198.51.100.7:", "not an IPv4 or IPv6 address"),
        ("198.51.100.7:80:90", "not an IPv4 or IPv6 address"),
        ("198.51.100.7%eth0", "not an IPv4 or IPv6 address"),
        ("2001:db8::7:55220", "not an IPv4 or IPv6 address"),
        ("[::1", "not an IPv4 or IPv6 address"),
        ("[::1]x", "not an IPv4 or IPv6 address"),
        ("\0198.51.100.7", "not an IPv4 or IPv6 address"),
        ("a-" * 200_000 + "!", "not an IPv4 or IPv6 address"),
        ("1:" * 200_000, "not an IPv4 or IPv6 address"),
    ],
)
def test_what_is_not_one_address_is_named_and_not_repeated(written: str, why: str) -> None:
    """A wrong reason sends everyone the wrong way; a host name in the reason would be personal data in a log."""
    assert client_address(written) is None
    assert why in client_fault(written)
    assert "example" not in client_fault(written)


@given(st.text() | st.text(alphabet="0123456789abcdef:.[]%/\"', -"))
def test_whatever_is_found_is_an_address(written: str) -> None:
    found = client_address(written)
    assert found is None or str(ip_address(found))
    assert client_fault(written)
