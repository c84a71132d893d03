"""Inputs that are made to exhaust or confuse: each is sent to every route that it could harm."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from omnivery.emulator import Emulator
from omnivery.emulator.receiver import PATH
from tests.fuzz.prober import Prober, Problems
from tests.fuzz.requests import Keys
from tests.fuzz.routes import Endpoint
from tests.fuzz.values import EXISTING
from tests.fuzz.wire import PATIENCE, RawRequest, Wire

FORM, MULTIPART, JSON = (
    b"application/x-www-form-urlencoded",
    b"multipart/form-data; boundary=b",
    b"application/json",
)
PART = b'--b\r\ncontent-disposition: form-data; name="%s"\r\n\r\n%s\r\n'
SENDER = b"from=a%40mail.example.com&subject=s&text=t&to="
MIME = b'--b\r\ncontent-disposition: form-data; name="to"\r\n\r\na@b.c\r\n--b\r\ncontent-disposition: form-data; '
MIME += b'name="message"; filename="m"\r\n\r\nFrom: a@mail.example.com\r\n%s\r\n--b--\r\n'

BODIES: dict[str, tuple[bytes, bytes]] = {
    "deep arrays": (JSON, b"[" * 100_000 + b"]" * 100_000),
    "deep objects": (JSON, b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "deep arrays without an end": (JSON, b"[" * 40_000),
    "deep values of known names": (JSON, b'{"events":' + b"[" * 1_100 + b"]" * 1_100 + b"}"),
    "a long number": (JSON, b"9" * 40_000),
    "a long exponent": (JSON, b'{"limit": 1e' + b"9" * 1_000 + b"}"),
    "a million keys": (JSON, b"{" + b",".join(b'"%d":0' % number for number in range(40_000)) + b"}"),
    "one key many times": (JSON, b"{" + b",".join([b'"events":[]'] * 20_000) + b"}"),
    "JSON in UTF-16": (JSON, '{"where": "bot"}'.encode("utf-16")),
    "JSON with a byte order mark": (JSON, b'\xef\xbb\xbf{"where": "bot"}'),
    "half a surrogate pair": (
        JSON,
        b'{"where": "\\ud800", "events": [{"ip": "\\ud800"}], "webhook_url": "http://\\ud800"}',
    ),
    "NUL bytes": (JSON, b"\0" * 1_000),
    "a million fields": (FORM, b"a=&" * 40_000),
    "a field without an end": (FORM, b"to=" + b"%" * 40_000),
    "semicolons": (FORM, b"a;" * 100_000),
    "angle brackets": (FORM, SENDER + b"%3C" * 60_000),
    "quotes": (FORM, SENDER + b"%5C%22" * 40_000),
    "comments": (FORM, SENDER + b"(" * 40_000),
    "at signs": (FORM, SENDER + b"%40" * 60_000),
    "recipients": (FORM, SENDER + b"a%40b.c," * 100_000),
    "labels": (FORM, SENDER + b"a%40" + b"a-." * 60_000),
    "deep variables": (FORM, b"recipient-variables=" + b"[" * 40_000),
    "many parts": (MULTIPART, PART % (b"a", b"") * 20_000 + b"--b--\r\n"),
    "many headers of a part": (MULTIPART, b"--b\r\n" + b"a: b\r\n" * 20_000 + b"\r\n\r\n--b--\r\n"),
    "a long header of a part": (MULTIPART, b"--b\r\ncontent-disposition: form-data; name=" + b"a" * 40_000),
    "no boundary": (MULTIPART, b"-" * 40_000),
    "line ends": (MULTIPART, b"\r\n" * 100_000),
    "a part without a name": (MULTIPART, b"--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
    "a part without a disposition": (MULTIPART, b"--b\r\n\r\nx\r\n--b--\r\n"),
    "a charset that nobody knows": (
        b"multipart/form-data; boundary=b; charset=nonsense",
        PART % (b"a", b"\xff") + b"--b--\r\n",
    ),
    "deep MIME": (
        MULTIPART,
        MIME % b"".join(b"Content-Type: multipart/mixed; boundary=x%d\n\n--x%d\n" % (at, at) for at in range(3_000)),
    ),
    "messages within messages": (MULTIPART, MIME % (b"Content-Type: message/rfc822\n\n" * 10_000)),
    "encoded words": (MULTIPART, MIME % (b"Subject: " + b"=?utf-8?q?a?= " * 100_000 + b"\n\n")),
    "a file name in pieces": (
        MULTIPART,
        MIME
        % (b"Content-Disposition: attachment; " + b"".join(b"filename*%d=a; " % at for at in range(50_000)) + b"\n\n"),
    ),
}


def request(prober: Prober, endpoint: Endpoint, media_type: bytes, body: bytes) -> RawRequest:
    """Return a request that gets past authentication."""
    target = endpoint.filled([EXISTING.get(name, b"a%40b.c") for name in endpoint.parameters])
    headers = (
        *Keys.of(prober.emulator).headers("primary"),
        (b"host", b"127.0.0.1"),
        (b"x-omnivery-test", b"1"),
        (b"content-type", media_type),
    )
    return RawRequest(method=endpoint.method, target=target, headers=headers, body=body)


def test_no_body_keeps_a_route_busy(prober: Prober, writing_endpoint: Endpoint) -> None:
    """A route that reads one body of these in a minute is as bad as one that fails: all others wait for it."""
    for name, (media_type, body) in BODIES.items():
        began = time.monotonic()
        prober.probe(request(prober, writing_endpoint, media_type, body))
        assert time.monotonic() - began < PATIENCE / 2, name


@pytest.mark.parametrize("path", ["/v3/{domain}/messages", "/v3/{domain}/messages.mime", "/{domain}/messages"])
def test_a_message_of_30_mb_is_413(prober: Prober, path: str) -> None:
    """Mailgun's limit of a message is 25 MB."""
    fields = {b"from": b"a@mail.example.com", b"to": b"a@b.c", b"subject": b"s", b"text": b"t"}
    parts = b"".join(PART % field for field in fields.items())
    for name in (b"attachment", b"message"):
        content = b"From: a@mail.example.com\r\n\r\n" + bytes(30_000_000)
        file = b'--b\r\ncontent-disposition: form-data; name="%s"; filename="a"\r\n\r\n%s\r\n' % (name, content)
        whole = request(prober, Endpoint("POST", path), MULTIPART, parts + file + b"--b--\r\n")
        expected = 413 if path.endswith("mime") == (name == b"message") else {200, 400}
        status = prober.probe(whole).status
        assert status in (expected if isinstance(expected, set) else {expected})


def test_a_request_of_55_mb_is_413(prober: Prober) -> None:
    """Mailgun's limit of a request is 52.4 MiB."""
    for path in ("/v3/{domain}/messages", "/{domain}/bot"):
        whole = request(prober, Endpoint("POST", path), JSON, bytes(55_000_000))
        assert prober.probe(whole).status == 413


@pytest.fixture(scope="module")
def small() -> Iterator[Emulator]:
    with Emulator(max_body=1_000) as emulator:
        yield emulator


def test_every_route_refuses_a_body_above_the_limit(
    small: Emulator, counts: dict[int | None, int], writing_endpoint: Endpoint
) -> None:
    """Whether or not it reads one: a body that nobody wants must not fill the memory either."""
    with Problems() as problems:
        prober = Prober(small, problems, counts)  # type: ignore[arg-type]  # a Counter
        for media_type in (JSON, FORM, MULTIPART):
            response = prober.probe(request(prober, writing_endpoint, media_type, b"a" * 1_001))
            # The receiver of webhooks refuses what is not signed, whatever its size, and has a limit of its own.
            assert response.status in ({406} if writing_endpoint.path == PATH else {413})
        prober.close()


HEADERS: dict[str, tuple[bytes, ...]] = {
    "a header of 60 KB": (b"x-long: " + b"a" * 60_000,),
    "a header of 1 MB": (b"x-long: " + b"a" * 200_000,),
    "10,000 headers": (b"x: y",) * 10_000,
    "a NUL byte": (b"x-nul: a\0b",),
    "a line that is continued": (b"x-fold: a", b" b"),
    "a name of no token": (b"x y: z",),
    "no colon": (b"nothing",),
    "a second length": (b"content-length: 1", b"content-length: 2"),
    "a length below zero": (b"content-length: -1",),
    "a length beyond all numbers": (b"content-length: " + b"9" * 30,),
    "both framings": (b"content-length: 3", b"transfer-encoding: chunked"),
    "an unknown coding": (b"transfer-encoding: gzip, chunked",),
    "a key that is no text": (b"authorization: Basic \xff", b"ov-token: \xff\xfe"),
    "a key that is no base64": (b"authorization: Basic ====",),
    "a host that is none": (b"host: [",),
    "a host with spaces": (b"host: a b c",),
}


def test_no_header_breaks_a_route(running: Emulator, endpoint: Endpoint) -> None:
    target = endpoint.filled([EXISTING.get(name, b"a%40b.c") for name in endpoint.parameters])
    with Wire(running.automations_url) as wire:
        for name, lines in HEADERS.items():
            host = () if any(line.startswith(b"host") for line in lines) else (b"host: localhost",)
            head = b"\r\n".join((b"%s %s HTTP/1.1" % (endpoint.method.encode(), target), *host, *lines, b"", b""))
            assert wire.speak(head) in range(500), name


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"\r\n\r\n",
        b"\0",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET http://other.example.com/ HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET //\xff HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET /%00/hclick HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET /v3/%2e%2e/%2f HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"BREW / HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
def test_what_is_no_request_of_ours_ends_well(prober: Prober, start: bytes) -> None:
    with Wire(prober.emulator.automations_url) as wire:
        assert wire.speak(start) in range(500)
    assert prober.probe(RawRequest(method="GET", target=b"/", headers=((b"host", b"localhost"),))).status == 200
