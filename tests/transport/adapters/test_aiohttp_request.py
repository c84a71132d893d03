"""The head of a request: everything in it is what was asked for, and nothing else can be."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnivery.errors import NotSentError
from omnivery.transport.adapters.aiohttp_request import request_head, split_url
from omnivery.transport.http import Request

URL = "http://api.example.org/x"


def request(*headers: tuple[str, str], method: str = "GET", content: bytes = b"") -> Request:
    return Request(method=method, url=URL, headers=headers, content=content)


@pytest.mark.parametrize(
    ("url", "base", "target"),
    [
        ("http://h/a%2Fb?q=1", "http://h", "/a%2Fb?q=1"),
        ("HTTPS://h:8443", "HTTPS://h:8443", "/"),
        ("http://h?q=1", "http://h", "/?q=1"),
        ("http://[::1]:80/a#part", "http://[::1]:80", "/a"),
    ],
)
def test_a_url_is_split_into_server_and_target(url: str, base: str, target: str) -> None:
    assert split_url(url) == (base, target)


@pytest.mark.parametrize("url", ["", "/x", "h/x", "http:///x", "http:/x", "://h/x"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(NotSentError, match="URL is not valid"):
        split_url(url)


def test_a_head_is_written_as_it_goes_out() -> None:
    head = request_head(request(("ov-token", "t"), method="post", content=b"ab"), "/x?y", host="h:1")
    assert head == b"POST /x?y HTTP/1.1\r\nhost: h:1\r\nov-token: t\r\ncontent-length: 2\r\n\r\n"


def test_a_host_or_length_of_the_callers_is_not_doubled() -> None:
    head = request_head(request(("Host", "other"), ("content-length", "2"), content=b"ab"), "/", host="h")
    assert head == b"GET / HTTP/1.1\r\nHost: other\r\ncontent-length: 2\r\n\r\n"


@pytest.mark.parametrize("target", ["/a b", "/a\r\nx: y", "/\u00e9", "/a\tb"])
def test_a_target_that_is_not_encoded_is_refused(target: str) -> None:
    with pytest.raises(NotSentError):
        request_head(request(), target, host="h")


@pytest.mark.parametrize("method", ["", "GE T", "GET\r\n", "G\u00c9T"])
def test_a_method_that_is_no_word_is_refused(method: str) -> None:
    with pytest.raises(NotSentError):
        request_head(request(method=method), "/", host="h")


@pytest.mark.parametrize("field", [("content-length", "3"), ("transfer-encoding", "chunked")])
def test_a_framing_that_is_not_the_contents_is_refused(field: tuple[str, str]) -> None:
    """It would break the request, or the one after it."""
    with pytest.raises(NotSentError, match="another length"):
        request_head(request(field, content=b"ab"), "/", host="h")


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=20)), max_size=4))
def test_a_server_reads_the_fields_that_were_given_and_no_others(fields: list[tuple[str, str]]) -> None:
    """Whatever is in them: h11 stands for the server."""
    try:
        head = request_head(request(*fields), "/x", host="h")
    except NotSentError:
        return
    server = h11.Connection(h11.SERVER)
    server.receive_data(head)
    event = server.next_event()
    assert isinstance(event, h11.Request)
    expected = [(name.lower().encode(), value.strip(" \t").encode()) for name, value in fields]
    host = [] if any(name == b"host" for name, _ in expected) else [(b"host", b"h")]
    assert sorted(event.headers) == sorted([*host, *expected])
