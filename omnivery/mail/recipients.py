"""Mailboxes: senders and recipients of a message, in the three forms that the SDK accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias, Union, cast

from omnivery.errors import ConfigError

if TYPE_CHECKING:
    from email.headerregistry import Address

Mailbox: TypeAlias = Union[str, tuple[str, str], tuple[None, str], "Address"]
"""One mailbox: text such as `ann@example.com` or `"Ann" <ann@example.com>`, a pair of name and address, or the standard
library's `email.headerregistry.Address`. The name of a pair needs no quoting, and may be empty or None."""

Mailboxes: TypeAlias = Mailbox | Sequence[Mailbox]
"""One mailbox, or several in a list. A tuple of two texts is one mailbox: a name and its address. Blank text, such as
an empty field of a web form, is no mailbox."""

# A quote within a word, as in O"Brien, opens nothing. All repetitions are possessive: matching takes linear time.
_QUOTED = r'(?<![^\s,;<])"(?:\\.|[^"\\])*+"(?=[\s,;<@]|$)'
_COMMENT = r"\([^()]*+\)"
_SHIELDED = re.compile(rf"{_QUOTED}|{_COMMENT}|<[^<>]*+>", re.DOTALL)
"""Quoted text, comments and angle brackets (RFC 5322, section 3.2), in which a comma or semicolon separates nothing."""
_PHRASE = re.compile(rf'(?:\s|{_QUOTED}|{_COMMENT}|[^\s()<>\[\]:;@\\,"]++)*+', re.DOTALL)
"""A display name that needs no quoting. Dots are allowed, as in the obsolete syntax, which every server reads."""
_ADDRESS = re.compile(
    r"""(?: "(?:\\.|[^"\\])*+" | [^\s()<>\[\]:;@\\,"]++ ) @ (?: \[[^\s\[\]]++\] | [^\s()<>\[\]:;@\\,"]++ )""",
    re.VERBOSE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def write_mailboxes(value: Mailboxes, *, argument: str) -> list[str]:
    """Return each mailbox as the API takes it (RFC 5322, section 3.4).

    Names are sent in plain UTF-8 and not as encoded words: the form is UTF-8, and the server encodes the headers.

    Args:
        value: the caller's argument. Text may contain several comma-separated mailboxes; only a display name that needs
            quotes and has none is changed.
        argument: the name of the caller's argument, for the error.

    Raises:
        ConfigError: a value is not a mailbox, or contains a line break, or a comma or semicolon that is ambiguous.
    """
    return [_written(one, argument) for one in _each(value)]


def count_mailboxes(written: Sequence[str]) -> int:
    """Count the mailboxes in these texts; a text with commas may contain several."""
    return sum(len(_pieces(text)) if "," in text else 1 for text in written)


def bare_addresses(written: Sequence[str]) -> list[str]:
    """Return the bare address of each mailbox; an empty text for one that cannot be parsed."""
    return [_parts(piece)[1] for text in written for piece in _pieces(text)]


def address_of(text: str) -> str | None:
    """Return the bare address of a text that is exactly one mailbox; None otherwise."""
    pieces = _pieces(text)
    return (_parts(pieces[0])[1] or None) if len(pieces) == 1 else None


def _each(value: Mailboxes) -> Iterator[Mailbox]:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and not _is_pair(value):
        yield from cast("Sequence[Mailbox]", value)
    elif not (isinstance(value, str) and not value.strip()):
        yield value  # type: ignore[misc]  # one mailbox, or of an unknown type: see _written


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == 2  # noqa: PLR2004  # a pair
        and isinstance(value[0], str | None)
        and isinstance(value[1], str)
    )


def _written(one: object, argument: str) -> str:
    if isinstance(one, str):
        return _checked_text(one, argument)
    if isinstance(one, tuple) and _is_pair(one):
        return _joined(one[0] or "", one[1].strip(), argument)
    from email.headerregistry import Address  # 10 ms that few callers need

    if not isinstance(one, Address):
        raise ConfigError(
            f"{argument}: expected text, a pair (name, address) or an email.headerregistry.Address, "
            f"not {type(one).__name__}. Nothing was sent."
        )
    return _checked_text(str(one), argument)


def _checked_text(text: str, argument: str) -> str:
    if _ADDRESS.fullmatch(text):
        return text
    _refuse_line_breaks(text, argument)
    if ";" in _SHIELDED.sub("", text):
        raise ConfigError(f"{argument}: a comma separates addresses, not a semicolon. Nothing was sent.")
    given = _pieces(text)
    sound = [_sound(piece, argument, several="," in text) for piece in given]
    if not sound:
        raise ConfigError(f"{argument}: there is an address without an @. Nothing was sent.")
    return text.strip() if sound == given else ", ".join(sound)


def _pieces(text: str) -> list[str]:
    """Cut a text at the commas that separate mailboxes. Empty pieces, as after a last comma, are nobody."""
    if "," not in text:
        return [text.strip()] if text.strip() else []
    shielded = _SHIELDED.sub(lambda found: "x" * len(found[0]), text)
    starts = [0, *(found.end() for found in re.finditer(",", shielded))]
    ends = [*(start - 1 for start in starts[1:]), len(text)]
    return [piece for start, end in zip(starts, ends, strict=True) if (piece := text[start:end].strip())]


def _parts(piece: str) -> tuple[str, str]:
    """Return display name and bare address of one mailbox; the address is empty if it cannot be parsed."""
    if _ADDRESS.fullmatch(piece):
        return "", piece
    marks = list(_SHIELDED.finditer(piece))
    end = len(piece)
    while marks and marks[-1][0].startswith("(") and marks[-1].end() == end:
        end = len(piece[: marks.pop().start()].rstrip())
    name, address = "", piece[:end]
    if marks and marks[-1][0].startswith("<") and marks[-1].end() == end:
        angle = marks.pop()
        name, address = piece[: angle.start()].strip(), angle[0][1:-1].strip()
    elif marks and marks[0][0].startswith("(") and marks[0].start() == 0:
        address = address[marks.pop(0).end() :].strip()
    # A second address in angle brackets would be lost.
    alone = not any(mark[0].startswith("<") for mark in marks)
    return name, address if alone and _ADDRESS.fullmatch(address) else ""


def _sound(piece: str, argument: str, *, several: bool) -> str:
    """Return one mailbox with its name in quotes if it needs them."""
    if "@" not in piece:
        hint = f": {_COMMA_HINT}" if several else ""
        raise ConfigError(f"{argument}: there is an address without an @{hint}. Nothing was sent.")
    name, address = _parts(piece)
    if not address:
        raise ConfigError(
            f"{argument}: a part of the text is not one address: write Ann <ann@example.com>, or pass a pair "
            "(name, address). Nothing was sent."
        )
    # Programs join a typed name and an address. With one address at the end, the text has only one meaning.
    return piece if _PHRASE.fullmatch(name) else f"{_quoted(name)} <{address}>"


_COMMA_HINT = (
    'if a name contains a comma, put the name in quotes, as in "Acme, Inc." <news@example.com>, or pass a pair '
    "(name, address)"
)


def _joined(name: str, address: str, argument: str) -> str:
    _refuse_line_breaks(name + address, argument)
    shown = _CONTROL.sub(" ", name).strip()
    # A name may be ann@home. A whole address instead of a name looks like a list of two addresses.
    if _ADDRESS.fullmatch(shown) and "." in shown.rpartition("@")[2] and shown.lower() != address.lower():
        raise ConfigError(
            f"{argument}: a tuple of two is a name and its address; several addresses go in a list. Nothing was sent."
        )
    if not _ADDRESS.fullmatch(address):
        # Otherwise the field of a web form could add a recipient: `a@b.c>, <victim@d.e`.
        raise ConfigError(f"{argument}: the address of a pair must be a bare one, with an @. Nothing was sent.")
    return f"{_quoted(shown)} <{address}>" if shown else address


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _refuse_line_breaks(text: str, argument: str) -> None:
    if set(text) & set("\r\n\0"):
        raise ConfigError(f"{argument}: an address must not contain a line break. Nothing was sent.")
