"""Requests that nobody in good faith would send, and some that one might, made from random numbers."""

from __future__ import annotations

import base64
import json
from random import Random
from typing import Any
from urllib.parse import quote_from_bytes

from attrs import frozen

from omnivery.emulator import Emulator
from tests.fuzz.routes import Endpoint
from tests.fuzz.values import (
    CLOSED,
    EXISTING,
    EXTRA,
    FILES,
    HEADERS_OF_MIME,
    MALFORMED,
    NAMES,
    ODD,
    PART,
    SEGMENTS,
    TYPES,
    URLS,
    USUAL,
    WAITING,
)
from tests.fuzz.wire import RawRequest


@frozen
class Keys:
    """What authorizes a request."""

    primary: str
    sending: str
    token: str

    @classmethod
    def of(cls, emulator: Emulator) -> Keys:
        """Return those of an emulator."""
        return cls(emulator.api_key, emulator.sending_key, emulator.token)

    def headers(self, kind: str) -> tuple[tuple[bytes, bytes], ...]:
        """Return the headers of a primary key, a sending key, none or a broken one."""
        if kind in {"none", "broken"}:
            return ((b"authorization", b"Basic \xff\xff"), (b"ov-token", b"\xff")) if kind == "broken" else ()
        key = self.primary if kind == "primary" else self.sending
        encoded = base64.b64encode(f"api:{key}".encode())
        return ((b"authorization", b"Basic " + encoded), (b"ov-token", self.token.encode()))


def quoted(text: str) -> bytes:
    """Return a text percent-encoded, halves of surrogate pairs included."""
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="").encode()


def plain(text: str) -> bytes:
    """Return a text in UTF-8, halves of surrogate pairs included."""
    return text.encode("utf-8", "surrogatepass")


@frozen
class Maker:
    """Makes requests to the routes of an emulator: mostly such that they get past authentication and parsing.

    Args:
        keys: the emulator's keys.
        words: the words of its code.
        parameters: the names of fields that its code reads.
        random: decides.
    """

    keys: Keys
    words: list[str]
    parameters: list[str]
    random: Random

    def request(self, endpoint: Endpoint) -> RawRequest:
        """Return a request to an endpoint."""
        target = endpoint.filled([self.segment(name) for name in endpoint.parameters])
        query = urlencoded(self.fields(6)) if self.one_in(2) else b""
        query = b"&".join(part for part in (query, WAITING.get(endpoint.path, b"")) if part)
        target += b"?" + query if query else b""
        kind = b"x-omnivery-test" if self.one_in(2) else b"x-test"
        headers = [
            (kind, b"1"),
            *self.keys.headers(self.random.choice(["primary"] * 12 + ["sending"] * 4 + ["none", "broken"])),
        ]
        body = b""
        if endpoint.method not in {"GET", "HEAD"} or self.one_in(5):
            media_type, body = self.content()
            headers.append((b"content-type", media_type))
        extra = [self.random.choice(EXTRA)] if self.one_in(4) else []
        if malformed := self.one_in(40):
            extra.append(self.random.choice(MALFORMED))
        if not any(name == b"host" for name, _ in extra):
            headers.append((b"host", b"127.0.0.1"))
        return RawRequest(
            method=endpoint.method,
            target=target[:8000] or b"/",
            headers=(*headers, *extra),
            body=body,
            framed=not malformed,
        )

    def content(self) -> tuple[bytes, bytes]:
        """Return a media type and a body, which fit together in most cases."""
        makers = {
            b"application/json": self.json,
            b"application/x-www-form-urlencoded": self.form,
            b"multipart/form-data; boundary=b": self.multipart,
        }
        media_type = self.random.choice([*makers] * 12 + TYPES)
        return media_type, makers.get(media_type, self.random.choice([*makers.values(), self.noise]))()

    def one_in(self, number: int) -> bool:
        """Return true once in so many times."""
        return not self.random.randrange(number)

    def segment(self, parameter: str) -> bytes:
        """Return a path segment, mostly one that exists."""
        if not self.one_in(8):
            return EXISTING.get(parameter, b"a%40b.c")
        return self.random.choice(SEGMENTS) if self.one_in(2) else quoted(self.text())

    def text(self) -> str:
        """Return a value of a field."""
        match self.random.randrange(8):
            case 0 | 1:
                return self.random.choice(self.words)
            case 2:
                return self.random.choice(URLS)
            case 3:
                return str(
                    self.random.choice(
                        [self.random.getrandbits(70), -self.random.random(), self.random.random() * 1e300]
                    )
                )
            case 4:
                return "".join(
                    chr(self.random.choice([self.random.randrange(128), self.random.randrange(0x10FFFF)]))
                    for _ in range(self.random.randrange(30))
                )
        return self.random.choice(ODD)

    def name(self) -> str:
        """Return a name of a field."""
        match self.random.randrange(8):
            case 0:
                return self.random.choice(NAMES)
            case 1:
                return self.text()
            case 2 | 3:
                return self.random.choice(self.words)
        return self.random.choice(self.parameters)

    def fields(self, most: int) -> list[tuple[str, str]]:
        """Return fields of a form or query."""
        return [(self.name(), self.text()) for _ in range(self.random.randrange(most + 1))]

    def usual(self) -> list[tuple[str, str]]:
        """Return what requests need to be accepted, some of it left out or exchanged; and more."""
        kept = [field for field in USUAL if not self.one_in(20)]
        changed = [(name, self.text()) if self.one_in(12) else (name, value) for name, value in kept]
        return [*changed, *self.fields(3)]

    def value(self, depth: int = 3) -> Any:
        """Return a value of JSON."""
        match self.random.randrange(9 if depth else 6):
            case 0:
                return self.random.choice([None, True, False, 0, -1, 2**63, 1.5, float("nan"), float("inf")])
            case 6:
                return [self.value(depth - 1) for _ in range(self.random.randrange(4))]
            case 7 | 8:
                return self.object(depth - 1)
        return self.text()

    def object(self, depth: int = 3) -> dict[str, Any]:
        """Return an object of JSON."""
        usual: dict[str, Any] = dict(self.usual()) if self.one_in(2) else {}
        return {**usual, **{self.name(): self.value(depth) for _ in range(self.random.randrange(5))}}

    def batch(self) -> dict[str, Any]:
        """Return a batch of bot events that is nearly right."""
        ips = ["8.8.8.8", "192.0.2.1", "::ffff:c000:201", "fe80::1%x"]
        events = [
            {
                "ip": self.random.choice(ips),
                "uas": self.text(),
                "event_id": "e",
                **(self.object() if self.one_in(3) else {}),
            }
            for _ in range(self.random.randrange(5))
        ]
        return {"events": events, "webhook_url": CLOSED, **(self.object() if self.one_in(8) else {})}

    def json(self) -> bytes:
        """Return JSON of any form, also where an endpoint expects another; whole or cut short."""
        several = [self.object() for _ in range(self.random.randrange(3))]
        value = self.random.choice([self.batch(), self.batch(), self.object(), several, self.value()])
        text = json.dumps(value, ensure_ascii=self.one_in(2))
        body = plain(text)
        return body[: self.random.randrange(len(body) + 1)] if self.one_in(12) else body

    def form(self) -> bytes:
        """Return a URL-encoded form."""
        fields = self.usual()
        if self.one_in(3):
            fields.append(("message", self.mime().decode("latin-1")))
        return urlencoded(fields)

    def multipart(self) -> bytes:
        """Return a multipart form, whole or broken."""
        parts = [PART % (plain(name), b"", plain(value)) for name, value in self.usual()]
        if self.one_in(2):
            name = self.random.choice([b"attachment", b"inline", b"message", b"file", b"attachment[0]"])
            parts.append(PART % (name, self.random.choice(FILES), self.random.choice([self.mime, self.noise])()))
        body = b"".join(parts) + b"--b--\r\n"
        if self.one_in(12):
            return body[: self.random.randrange(len(body))]
        return body.replace(b"\r\n", b"\n") if self.one_in(12) else body

    def mime(self) -> bytes:
        """Return a MIME message with odd headers."""
        named = [(self.random.choice(HEADERS_OF_MIME), self.text()) for _ in range(self.random.randrange(6))]
        head = b"".join(plain(f"{name}: {value}\r\n") for name, value in [*named, *self.fields(2)])
        sender = b"" if self.one_in(8) else b"From: a@mail.example.com\r\n"
        kind = b"Content-Type: multipart/mixed; boundary=b\r\n" if self.one_in(2) else b""
        return sender + kind + head + b"\r\n--b\r\n\r\nx\r\n--b--\r\n" + self.noise()

    def noise(self) -> bytes:
        """Return bytes that mean nothing."""
        return self.random.randbytes(self.random.randrange(60))


def urlencoded(fields: list[tuple[str, str]]) -> bytes:
    """Return a URL-encoded form or query."""
    return b"&".join(quoted(name) + b"=" + quoted(value) for name, value in fields)
