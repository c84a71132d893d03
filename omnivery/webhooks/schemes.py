"""Other ways to sign than the service's: what somebody's code may have done instead, found by trying it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import suppress
from itertools import product

from attrs import frozen

from omnivery.webhooks.reasons import SignatureCause

ALGORITHMS = {16: "md5", 20: "sha1", 28: "sha224", 32: "sha256", 48: "sha384", 64: "sha512"}
"""Hash functions by the bytes of their digest."""
PREFIXES = ("sha256=", "sha1=", "sha512=", "v1=")
"""What other services write before a digest."""


@frozen(kw_only=True)
class Part:
    """One choice of a scheme: a value, and how it differs from the service's; no words where it does not."""

    value: bytes
    words: str = ""
    cause: SignatureCause = SignatureCause.CONTENT


@frozen(kw_only=True)
class SchemeMatch:
    """A way of signing that makes the digest that was received."""

    cause: SignatureCause
    """The difference that matters most."""
    words: str
    """All differences."""


def find_scheme(key: bytes, *, timestamp: str, token: str, digest: str, body: bytes | None) -> SchemeMatch | None:
    """Return the first way of signing that makes the digest with this key; None if none of those that are known does.

    Args:
        key: the signing key, as it was given: blanks and line breaks included.
        timestamp: as received.
        token: as received.
        digest: the signature, as received.
        body: the whole body, if there is one.
    """
    contents = tuple(_contents(timestamp.encode(), token.encode("utf-8", "surrogatepass"), body))
    for received, secret, content in product(_decoded(digest), _keys(key), contents):
        name = ALGORITHMS.get(len(received.value))
        for hashed in _hashed(name, secret.value, content.value) if name else ():
            if hmac.compare_digest(hashed.value, received.value):
                return _match([secret, _algorithm(name or ""), hashed, received, content])
    return None


def _match(parts: list[Part]) -> SchemeMatch | None:
    different = [part for part in parts if part.words]
    if not different:
        return None
    return SchemeMatch(cause=different[0].cause, words=", ".join(part.words for part in different))


def _algorithm(name: str) -> Part:
    words = "" if name == "sha256" else f"with {name.upper()} in place of SHA256"
    return Part(value=b"", words=words, cause=SignatureCause.ALGORITHM)


def _hashed(name: str, key: bytes, content: bytes) -> Iterator[Part]:
    yield Part(value=hmac.digest(key, content, name))
    # Not `usedforsecurity`: systems that forbid MD5 would refuse to compare with it.
    for text, words in ((key + content, "key first"), (content + key, "key last")):
        plain = hashlib.new(name, text, usedforsecurity=False).digest()
        yield Part(value=plain, words=f"as a plain hash, {words}, in place of HMAC", cause=SignatureCause.ALGORITHM)


def _decoded(digest: str) -> Iterator[Part]:
    """The bytes that the text may stand for."""
    text = digest.strip()
    note = "" if digest.isalnum() else "with blanks or line breaks in it"
    for prefix in PREFIXES:
        if text.startswith(prefix):
            text, note = text.removeprefix(prefix), f"with {prefix!r} before it"
    with suppress(ValueError):
        yield Part(value=bytes.fromhex(text), words=note, cause=SignatureCause.ENCODING)
    padded = text + "=" * (-len(text) % 4)
    with suppress(ValueError, binascii.Error):
        value = base64.b64decode(padded.translate(str.maketrans("-_", "+/")), validate=True)
        yield Part(value=value, words="in Base64 in place of hexadecimal digits", cause=SignatureCause.ENCODING)


def _keys(key: bytes) -> Iterator[Part]:
    """The key, and what it may have become on its way through files and settings."""
    cause = SignatureCause.KEY_FORM
    yield Part(value=key)
    bare = key.strip()
    if bare != key:
        yield Part(value=bare, words="with the key, but without the blanks or line breaks around it", cause=cause)
    unquoted = bare.strip(b"'\"")
    if unquoted != bare:
        yield Part(value=unquoted, words="with the key, but without the quotes around it", cause=cause)
    for end, name in ((b"\n", "a line break"), (b"\r\n", "a Windows line break"), (b" ", "a blank")):
        yield Part(value=unquoted + end, words=f"with the key and {name} after it", cause=cause)
    with suppress(ValueError):
        yield Part(
            value=bytes.fromhex(unquoted.decode()),
            words="with the bytes that the key's hexadecimal digits stand for",
            cause=cause,
        )
    with suppress(ValueError, binascii.Error):
        value = base64.b64decode(unquoted, validate=True)
        yield Part(value=value, words="with the bytes that the key stands for in Base64", cause=cause)
    yield Part(value=b"", words="with an empty key", cause=cause)


def _contents(timestamp: bytes, token: bytes, body: bytes | None) -> Iterator[Part]:
    over = "over {} in place of timestamp and token"
    yield Part(value=timestamp + token)
    yield Part(value=token + timestamp, words="over token and timestamp, in the other order")
    yield Part(value=timestamp + b"." + token, words="with a dot between timestamp and token")
    yield Part(value=timestamp, words=over.format("the timestamp alone"))
    yield Part(value=token, words=over.format("the token alone"))
    if body is not None:
        yield Part(value=body, words=over.format("the body"))
        yield Part(value=timestamp + b"." + body, words=over.format("timestamp, a dot and the body"))
        yield Part(value=timestamp + body, words=over.format("timestamp and body"))
