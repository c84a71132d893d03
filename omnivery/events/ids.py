"""Stable identifiers: the same interaction gets the same id at every reading, and an address becomes a keyed hash."""

from __future__ import annotations

import hashlib
import hmac

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
    """Derive an event's id from what it is, so that reading a log again yields the same ids.

    The id is a 128-bit BLAKE2b hash (RFC 7693) over all arguments, in 32 hexadecimal digits. Arguments that are
    left out count as different from empty ones.

    Args:
        ip: address that the interaction came from.
        uas: User-Agent header.
        ts: unix seconds of the interaction.
        action: `open` or `click`.
        message_id: key of the message.
        recipient_id: key of the recipient.
        url: the link, or the path requested.
        position: what tells otherwise equal interactions apart: a line number, an offset, a sequence number.

    Raises:
        ConfigError: every argument was left out.
    """
    parts = (ip, uas, ts, action, message_id, recipient_id, url, position)
    if all(part is None for part in parts):
        raise ConfigError("event_id_for() needs at least one argument: ids of nothing would all be equal")
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        if part is None:
            digest.update(b"-")
            continue
        # The length in front of each part keeps ("ab", "c") and ("a", "bc") apart.
        text = str(part).encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b" % (len(text), text))
    return digest.hexdigest()


def recipient_id_for(address: str, key: str | bytes) -> str:
    """Turn a recipient's address into a keyed hash, as the API recommends for privacy.

    The hash is HMAC-SHA256 (RFC 2104) over the address without surrounding blanks and in lower case, in 64
    hexadecimal digits. Without the key nobody can test whether an address is behind it.

    Args:
        address: the e-mail address.
        key: your own secret; use the same one for ever, or the ids change.

    Raises:
        ConfigError: the address or the key is empty.
    """
    normal = address.strip().lower()
    secret = key.encode() if isinstance(key, str) else key
    if not normal or not secret:
        raise ConfigError("recipient_id_for() needs an address and a key, and neither may be empty")
    return hmac.new(secret, normal.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
