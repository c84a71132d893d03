"""The body of a response: decoded however it arrives, bounded, and whole."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnivery.errors import AmbiguousError
from omnivery.transport.adapters.response_body import ResponseBody
from omnivery.transport.http import Headers, Response

LIMIT = 1_000_000


def received(pieces: list[bytes], coding: str = "", *, status: int = 200, limit: int = LIMIT) -> Response:
    body = ResponseBody(Headers({"content-encoding": coding} if coding else {}), limit)
    for piece in pieces:
        if not body.feed(piece):
            break
    return body.response(status)


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "X-GZip": gzip.compress,
    "deflate": zlib.compress,
    "gzip, gzip": lambda data: gzip.compress(gzip.compress(data)),
    "deflate, gzip": lambda data: gzip.compress(zlib.compress(data)),
}


@given(
    coding=st.sampled_from(list(CODINGS)),
    data=st.binary(max_size=200) | st.just(b"\0" * 200_000),
    sizes=st.lists(st.integers(1, 50), max_size=20),
)
def test_a_content_coding_is_undone_however_the_bytes_arrive(coding: str, data: bytes, sizes: list[int]) -> None:
    encoded, pieces = CODINGS[coding](data), []
    for size in sizes:
        pieces.append(encoded[:size])
        encoded = encoded[size:]
    assert received([*pieces, encoded], coding).content == data


def test_deflate_without_a_header_and_gzip_of_several_members_are_read() -> None:
    """Both come from servers in use."""
    assert received([raw_deflate(b"abc")], "deflate").content == b"abc"
    assert received([raw_deflate(b"\0" * 65_541)], "deflate").content == b"\0" * 65_541, "the rest is inside of zlib"
    assert received([gzip.compress(b"abc") + gzip.compress(b"def")], "gzip").content == b"abcdef"
    assert received([gzip.compress(b"abc") + b"\0\0"], "gzip").content == b"abc"


@pytest.mark.parametrize(
    ("pack", "coding"),
    [
        pytest.param(gzip.compress, "gzip", id="gzip"),
        pytest.param(lambda data: gzip.compress(gzip.compress(data)), "gzip, gzip", id="gzip in gzip"),
    ],
)
@pytest.mark.parametrize("status", [200, 500])
def test_a_small_response_does_not_become_a_large_one(pack: Callable[[bytes], bytes], coding: str, status: int) -> None:
    """1 MB of gzip can hold 1 GB, and a few kilobytes of gzip within gzip as much."""
    data = pack(b"\0" * 50_000_000)
    tracemalloc.start()
    try:
        if status == 500:
            assert len(received([data], coding, status=status).content) <= LIMIT
        else:
            with pytest.raises(AmbiguousError, match="larger than") as caught:
                received([data], coding)
            assert caught.value.permanent
        assert tracemalloc.get_traced_memory()[1] < 10 * LIMIT
    finally:
        tracemalloc.stop()


def test_what_a_coding_within_a_coding_takes_is_bounded_although_nothing_comes_out() -> None:
    """Empty blocks: the outer coding expands for as long as it likes, and the inner one yields not a byte."""
    inner = gzip.compress(b"")[:10] + b"\x00\x00\x00\xff\xff" * 400_000
    with pytest.raises(AmbiguousError, match="larger than"):
        received([gzip.compress(inner)], "gzip, gzip")


def test_the_limit_itself_is_allowed() -> None:
    assert len(received([b"x" * LIMIT]).content) == LIMIT
    with pytest.raises(AmbiguousError, match="1,000,000"):
        received([b"x" * LIMIT, b"x"])


@pytest.mark.parametrize(
    ("data", "coding", "words"),
    [
        (b"\x1f\x8b\x08 not gzip", "gzip", "damaged"),
        (gzip.compress(b"abc" * 100)[:-9], "gzip", "cut short"),
        (zlib.compress(b"abc" * 100)[:-1], "deflate", "cut short"),
        (b"abcd", "br", "not requested"),
        (b"abcd", "gzip, br", "not requested"),
        (b"abcd", ",".join(["gzip"] * 10_000), "not requested"),
    ],
    # gzip writes the time into its header: every worker of a parallel run must call the test by the same name.
    ids=["no gzip", "gzip cut short", "deflate cut short", "brotli", "two codings", "very many codings"],
)
def test_a_body_that_cannot_be_read_whole_is_ambiguous_under_a_success_alone(
    data: bytes, coding: str, words: str
) -> None:
    """The status of an error says enough."""
    with pytest.raises(AmbiguousError, match=words) as caught:
        received([data], coding)
    assert not caught.value.permanent
    assert received([data], coding, status=502).status == 502
