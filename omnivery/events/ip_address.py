"""IP addresses as text: which texts are addresses, and the form that is sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import repeat, starmap
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Any

# Plain numbers: a member of an enum is converted at every call, which takes as long as the check of the address.
IPV4, IPV6 = int(AF_INET), int(AF_INET6)
_MAPPED = bytes(10) + b"\xff\xff"
"""Prefix of an IPv4 address written as an IPv6 one (RFC 4291, section 2.5.5.2)."""
MAPPED_GROUP = ":ffff:"
"""A part of every spelling of such an address, in lower case."""


def is_address(text: str) -> bool:
    """Whether a text is an IPv4 or IPv6 address, written without zone or port."""
    return plain_address(text) is not None


def plain_address(text: str) -> str | None:
    """Return the form of an address that is sent; None if the text is not an IPv4 or IPv6 address.

    An IPv4-mapped address such as `::ffff:192.0.2.1`, by which a dual-stack server sees an IPv4 client, becomes a plain
    IPv4 address. Every other address keeps its spelling.
    """
    # inet_pton takes 0.1 µs and ipaddress 2 µs, which in bulk is more than sending the event takes.
    try:
        inet_pton(IPV4, text)
    except (OSError, ValueError):
        pass
    else:
        return text
    try:
        packed = inet_pton(IPV6, text)
    except (OSError, ValueError):
        return None
    return inet_ntop(IPV4, packed[len(_MAPPED) :]) if packed.startswith(_MAPPED) else text


def are_addresses(texts: Sequence[Any]) -> bool:
    """Whether all texts are addresses in the form that is sent: of IPv4, or of IPv6 and not IPv4-mapped.

    Raises:
        OSError, TypeError, ValueError: one of them is no address at all.
    """
    try:
        return _can_be_packed(IPV4, texts)
    except OSError:
        long = [text for text in texts if ":" in text]
    _can_be_packed(IPV6, long)
    _can_be_packed(IPV4, [text for text in texts if ":" not in text])
    return MAPPED_GROUP not in "\n".join(long).lower()


def _can_be_packed(family: int, texts: Sequence[Any]) -> bool:
    # starmap() hands on the tuples that map() would make of its arguments for each call.
    return all(starmap(inet_pton, zip(repeat(family), texts, strict=False)))


def client_address(text: str) -> str | None:
    """Return the address in a server's or database's text for a client; None if there is not exactly one.

    Beside plain addresses these forms are read: with a port (`192.0.2.1:55220`, `[2001:db8::7]:55220`), in brackets or
    quotes, with a zone (`fe80::1%eth0`), and with the prefix length of a single host (`192.0.2.1/32`, as PostgreSQL
    writes `inet`). An IPv6 address with a port but without brackets is read only where no other reading exists.
    """
    plain = plain_address(text)
    if plain is not None:
        return plain
    if len(text) > _LONGEST:
        return None
    bare = _unquoted(text)
    if bare.startswith("["):
        bare, closing, after = bare[1:].partition("]")
        if not closing or (after and not _PORT.fullmatch(after)):
            return None
    elif found := _BEFORE_PORT.fullmatch(bare):
        bare = found[1]
    bare = _ZONE.sub("", bare).removesuffix("/128") if ":" in bare else bare.removesuffix("/32")
    return plain_address(bare)


def client_fault(text: str) -> str:
    """Return why `client_address` returned None. The reason contains nothing of the text."""
    bare = _unquoted(text)
    # 1. Nothing was logged, or what proxies write for nothing (RFC 7239, section 6).
    if bare.lower() in {"", "-", "unknown"}:
        return "no client address"
    # 2. nginx writes this for a request over a Unix socket, which has no address.
    if bare == "unix:":
        return "the request came over a Unix socket, which has no client address"
    # 3. X-Forwarded-For in place of the peer's address.
    if "," in bare:
        return "the client field holds a list of addresses, as X-Forwarded-For does: say client_ip='forwarded'"
    # 4. A name, as Apache writes with HostnameLookups on.
    if len(bare) <= _LONGEST and _HOST_NAME.fullmatch(bare):
        return "the client is a host name, not an IP address (HostnameLookups is on?)"
    return "the client is not an IPv4 or IPv6 address"


def _unquoted(text: str) -> str:
    bare = text.strip()
    quoted = len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'"
    return bare[1:-1].strip() if quoted else bare


_LONGEST = 255
"""Longest text, in characters, that the patterns below see, because they take more than linear time. DNS allows no
longer names."""
_PORT = re.compile(r":\d{1,5}", re.ASCII)
# Dotted digits end an address, and so does an eighth group: what follows can only be a port.
_BEFORE_PORT = re.compile(r"((?:[\dA-Fa-f:]*:)?[\d.]+\.\d+|(?:[\dA-Fa-f]+:){7}[\dA-Fa-f]+):\d{1,5}", re.ASCII)
_ZONE = re.compile(r"%[\w.~-]{1,32}\Z", re.ASCII)
# A last label with a letter: addresses have none, and `1.2.3` is neither.
_HOST_NAME = re.compile(r"(?:[\w-]+\.)*[\w-]*[A-Za-z][\w-]*\.?", re.ASCII)
