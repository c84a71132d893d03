"""Stable identifiers: event ids that do not change when a log is read again, and keyed hashes of recipients."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from omnivery.errors import ConfigError


def event_id_for(
    *,
    ip: str | None = None,
    uas: str | None = None,
    ts: int | None = None,
    action: str | None = None,
    message_id: str | None = None,
    recipient_id: str | None = None,
    url: str | None = None,
    position: int | str | None = None,
) -> str:
    """Derive an event's id from its fields, so that reading a log again yields the same ids.

    The id is a 128-bit BLAKE2b hash (RFC 7693) of all arguments, in 32 hexadecimal digits. An argument that is left out
    is different from an empty one.

    Args:
        ip: IP address that the interaction came from.
        uas: User-Agent header.
        ts: unix seconds of the interaction.
        action: `open` or `click`.
        message_id: key of the message.
        recipient_id: key of the recipient.
        url: the link, or the path requested.
        position: a line number, an offset or a sequence number, which distinguishes otherwise equal interactions.

    Raises:
        ConfigError: every argument was left out.
    """
    parts = (ip, uas, ts, action, message_id, recipient_id, url, position)
    # The length in front of each part keeps ("ab", "c") and ("a", "bc") apart.
    text = "".join(["-" if part is None else f"{len(str(part))}:{part}" for part in parts])
    if not text.isascii():
        return _hashed(b"".join(map(_counted, parts)))
    if text == _NOTHING:
        raise ConfigError("event_id_for() needs at least one argument: without any, all ids would be equal")
    return _hashed(text.encode())


def event_ids_for(
    *,
    ips: Iterable[object],
    uas: Iterable[object],
    ts: Iterable[object],
    actions: Iterable[object],
    message_ids: Iterable[object],
    recipient_ids: Iterable[object],
    urls: Iterable[object],
    positions: Iterable[int],
) -> list[str]:
    """Return what `event_id_for` returns for each row of columns, in less time: no row is looked at by itself."""
    columns = (ips, uas, ts, actions, message_ids, recipient_ids, urls, positions)
    return list(map(_hashed, map(b"".join, zip(*(map(_counted, column) for column in columns), strict=False))))


def request_id(ip: str, uas: str, when: str, url: str, position: int) -> str:
    """Return the `event_id_for` of a request in a log, in half the time: ids are much of the cost of reading a line.

    Args:
        ip: as in `event_id_for`.
        uas: as in `event_id_for`.
        when: `part_of_id(ts)`; many lines have the same.
        url: as in `event_id_for`.
        position: as in `event_id_for`.
    """
    at = str(position)
    text = f"{LENGTHS[len(ip)]}{ip}{LENGTHS[len(uas)]}{uas}{when}---{LENGTHS[len(url)]}{url}{LENGTHS[len(at)]}{at}"
    if text.isascii():
        return _hashed(text.encode())
    return _hashed(b"".join((_counted(ip), _counted(uas), when.encode(), b"---", _counted(url), _counted(position))))


def part_of_id(part: int | str | None) -> str:
    """Return the part of the hashed text that encodes one argument."""
    return _counted(part).decode()


class _Lengths(dict[int, str]):
    """What stands in front of a part of the hashed text: to look it up takes a third of the time of writing it."""

    def __missing__(self, length: int) -> str:
        return f"{length}:"


LENGTHS = _Lengths((length, f"{length}:") for length in range(2048))
_NOTHING = "-" * 8


def _counted(part: object) -> bytes:
    """Return one part of the hashed text, with its length in bytes; for ASCII that is the length in characters."""
    if part is None:
        return b"-"
    text = str(part).encode("utf-8", "surrogatepass")
    return b"%d:%b" % (len(text), text)


def _hashed(parts: bytes) -> str:
    return hashlib.blake2b(parts, digest_size=_DIGEST).digest().hex()  # noqa: FURB181  # hexdigest() takes 1.5 times as long


def hashed_texts(texts: Iterable[str]) -> list[str]:
    """Return what `_hashed` returns for the bytes of each text, in four fifths of the time."""
    ids: list[str] = []
    for text in texts:
        # To copy a hash object takes half as long as to create one.
        state = _EMPTY.copy()
        state.update(text.encode())
        ids.append(state.hexdigest())
    return ids


_DIGEST = 16
_EMPTY = hashlib.blake2b(digest_size=_DIGEST)


def recipient_id_for(address: str, key: str | bytes) -> str:
    """Return a keyed hash of a recipient's e-mail address, as the API recommends for privacy.

    The hash is HMAC-SHA256 (RFC 2104) of the e-mail address in lower case without surrounding blanks, in 64 hexadecimal
    digits. Nobody can test without the key whether it belongs to a given e-mail address.

    Args:
        address: the e-mail address.
        key: your own secret; with another key the ids are different.

    Raises:
        ConfigError: the e-mail address or the key is empty.
    """
    normal = address.strip().lower()
    secret = key.encode() if isinstance(key, str) else key
    if not normal or not secret:
        raise ConfigError("recipient_id_for() needs an address and a key, and neither may be empty")
    return hmac.new(secret, normal.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
