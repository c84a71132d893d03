"""Header fields of composed messages, folded and in ASCII (RFC 5322, RFC 2047).

The standard library's own generator takes quadratic time for long values, and fails for addresses that are none.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator

from omnivery.emulator.address_rules import read_list

LINE = 76
"""Most characters of a line, as far as the words permit (RFC 2047, section 2)."""
ENCODED = 42
"""Most bytes of text in one encoded word, so that it has 75 characters at most."""
LONGEST_WORD = 900
"""Most characters of a word that is written as it is: a line has 998 at most (RFC 5322, section 2.1.1)."""
BREAK = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""Control characters and ends of lines, which no value has."""
ADDRESSES = frozenset({"from", "to", "cc", "reply-to", "sender", "resent-from", "resent-to", "resent-cc"})
"""Fields with addresses."""
ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
"""A display name that needs no quotes."""


def write_field(name: str, value: str) -> bytes:
    """Return a header field with its CRLF.

    Args:
        name: its name, in ASCII.
        value: its value, in which control characters become spaces.
    """
    line = BREAK.sub(" ", value.encode("utf-8", "replace").decode()).strip()
    words = _addresses(line) if name.lower() in ADDRESSES else _words(line)
    return f"{name}:{_folded(words, len(name) + 1)}\r\n".encode("ascii")


def _folded(words: Iterable[str], column: int) -> str:
    """The words, each after a space or the beginning of a line."""
    parts: list[str] = []
    for word in words:
        if column + 1 + len(word) > LINE and parts:
            parts.append("\r\n")
            column = 0
        parts.append(f" {word}")
        column += 1 + len(word)
    return "".join(parts)


def _words(text: str) -> Iterable[str]:
    words = text.split(" ")
    is_plain = text.isascii() and "" not in words and max(map(len, words)) <= LONGEST_WORD
    return words if is_plain else _encoded(text)


def _addresses(text: str) -> Iterator[str]:
    good, bad = read_list(text)
    if bad or not all(mailbox.address.isascii() for mailbox in good):
        yield from text.split() if text.isascii() else _encoded(text)
        return
    for place, mailbox in enumerate(good, 1):
        comma = "," if place < len(good) else ""
        name = list(_name(mailbox.name))
        yield from name
        yield f"<{mailbox.address}>{comma}" if name else f"{mailbox.address}{comma}"


def _name(name: str) -> Iterable[str]:
    if not name.isascii():
        return _encoded(name)
    if ATOMS.fullmatch(name) and "=?" not in name:
        return name.split()
    quoted = re.sub(r'(["\\])', r"\\\1", name)
    return [f'"{quoted}"'] if name else []


def _encoded(text: str) -> Iterator[str]:
    """Encoded words, none of which splits a character."""
    part, size = list[str](), 0
    for character in text:
        width = len(character.encode())
        if size + width > ENCODED:
            yield _word(part)
            part, size = [], 0
        part.append(character)
        size += width
    if part:
        yield _word(part)


def _word(part: list[str]) -> str:
    return f"=?utf-8?b?{b64encode(''.join(part).encode()).decode()}?="
