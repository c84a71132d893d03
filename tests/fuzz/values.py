"""Values that nobody in good faith would send, and the few that requests need to be accepted."""

from __future__ import annotations

CLOSED = "http://127.0.0.1:9/hook"
"""A URL to which nobody listens. All URLs here are of this machine: webhooks are posted to them."""
URLS = [CLOSED, "http://127.0.0.1:0/", "http://[::1]:9/ä b", "http://[", "http://127.0.0.1:99999/", "http://a..b/"]
URLS += ["http://127.0.0.1:9/\x00\r\nx: y", "https://127.0.0.1:9/", "file:///etc/passwd", f"{CLOSED}?{'a' * 9000}"]
URLS += ["http://user:pa%ss@127.0.0.1:9/", "http://127.0.0.1:9/\ud800", "HTTP://127.0.0.1:9", "http://\u2100/"]
ODD = [
    "",
    " ",
    "\x00",
    "-1",
    "0",
    "1e999",
    "9" * 400,
    "NaN",
    "١٢",
    "true",
    "null",
    "[]",
    "{}",
    "{",
    "\ud800",
    "a\r\nb: c",
]
ODD += ["a@b.c", "Ann <a@b.c>, b@c.d", '"a b"@c.d', "a@[IPv6:::1]", "<" * 3000, '\\"' * 3000, "(" * 3000, "🙂" * 500]
ODD += [
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Thu, 31 Dec 9999 23:59:59 -2359",
    "253402300800",
    "-62135596801",
    "0001-01-01",
]
ODD += ["192.0.2.1", "::ffff:192.0.2.1%x", "mail.example.com", '{"a@b.c": {"x": [1]}}', '{"a":' * 1500, "../../etc"]
WAITING = {"/_/wait/{kind}": b"timeout=0"}
"""Queries of routes that wait for what may never come, by design."""
EXISTING = {
    "domain": b"mail.example.com",
    "name": b"mail.example.com",
    "login": b"ann",
    "webhookname": b"opened",
    "webhooktype": b"opened",
    "kind": b"messages",
    "message": b"1",
    "id": b"1",
    "position": b"0",
    "place": b"0",
}
"""Values of path parameters that there are, after the requests of `USUAL` fields."""
SEGMENTS = [
    b"mail.example.com",
    b"mail.example.com",
    b"a%40b.c",
    b"%00",
    b"%2F..%2F",
    b"%FF%FE",
    b"%ED%A0%80",
    b"%",
    b"%zz",
]
SEGMENTS += [b"a" * 4000, b"%C3%A4", b".", b"..", b"*", b"'\"<script>", b"opened", b"0", b"1", b"-1", b"9" * 400, b""]
TYPES = [b"application/json", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=b", b""]
TYPES += [
    b"application/json; charset=utf-16",
    b"multipart/form-data",
    b"multipart/form-data; boundary=",
    b"\xff",
    b";;",
]
TYPES += [
    b"multipart/form-data; boundary=" + b"b" * 300,
    b'multipart/form-data; boundary="b',
    b"text/plain",
    b"a/b; c=d",
]
TYPES += [b"multipart/form-data; charset=nonsense; boundary=b", b"application/x-www-form-urlencoded; charset=utf-16"]
EXTRA = [
    (b"host", b"[bad"),
    (b"host", b""),
    (b"origin", b"null"),
    (b"x-forwarded-for", b"x" * 3000),
    (b"x-forwarded-for", b"::ffff:1.2.3.4"),
    (b"content-encoding", b"gzip"),
    (b"accept", b"text/html"),
    (b"expect", b"100-continue"),
    (b"cookie", b"a=b; " * 500),
    (b"x-odd", b"\xff\xfe"),
    (b"x-long", b"a" * 30_000),
    (b"range", b"bytes=0-0"),
    (b"if-none-match", b"*"),
    (b"last-event-id", b"-1"),
    (b"last-event-id", b"9" * 400),
]
MALFORMED = [
    (b"x-nul", b"a\x00b"),
    (b"bad name", b"a"),
    (b"", b"a"),
    (b"content-length", b"-1"),
    (b"transfer-encoding", b"x"),
]
USUAL = [("from", "a@mail.example.com"), ("to", "click@b.c"), ("subject", "s"), ("text", "t"), ("address", "a@b.c")]
USUAL += [("login", "ann"), ("password", "secret"), ("name", "new.example.com"), ("id", "opened"), ("url", CLOSED)]
USUAL += [("ip", "8.8.8.8"), ("uas", "Mozilla/5.0"), ("type", "bounce"), ("error", "e")]
USUAL += [("message", "From: a@mail.example.com\n\nx")]
"""What requests need to be accepted; one form for all of them, because nobody minds what it does not know."""
PART = b'--b\r\ncontent-disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'

HEADERS_OF_MIME = [
    "From",
    "To",
    "Subject",
    "Message-ID",
    "Content-Type",
    "Content-Disposition",
    "Date",
    "X-OV-Variables",
]
NAMES = ["to[]", "v:x", "h:X-Y", "h:", "v:", "[]", "h:Message-Id", "recipient-variables"]
FILES = [b'; filename="a.txt"', b'; filename=""', b"; filename*=x''%zz", b'; filename="\xff"', b"; filename"]
