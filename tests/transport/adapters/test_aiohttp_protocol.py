"""aiohttp's protocol finds the end of each response, however its bytes arrive."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("aiohttp")

from omnivery.transport.adapters.aiohttp_protocol import ResponseProtocol

BODY = b"first body"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + BODY
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst \r\n4\r\nbody\r\n0\r\n\r\n"
EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
NONE = b"HTTP/1.1 204 No Content\r\n\r\n"
RESPONSES = {PLAIN: BODY, CHUNKED: BODY, EMPTY: b"", NONE: b""}


class Transport(asyncio.Transport):
    """One that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        """Nothing more comes anyway."""

    def resume_reading(self) -> None:
        """It never stopped."""


async def receive(data: bytes, cuts: list[int]) -> tuple[int, bytes, bool]:
    """Status and body of the first response in some bytes, and whether the connection can be used again."""
    protocol: Any = ResponseProtocol(asyncio.get_running_loop())
    protocol.connection_made(Transport())
    protocol.expect("GET", read_timeout=60.0, ends_by=math.inf)
    places = [0, *sorted({min(cut, len(data)) for cut in cuts}), len(data)]
    for start, end in pairwise(places):
        if start < end:
            protocol.data_received(data[start:end])
    message, content = await protocol.read()
    body = b""
    while piece := await content.readany():
        body += piece
    reusable = protocol.is_reusable
    protocol.close()
    return message.code, body, reusable


CUTS = st.lists(st.integers(1, 300), max_size=12)


@given(st.integers(0, 3), st.sampled_from(sorted(RESPONSES)), CUTS)
def test_a_response_is_the_same_however_it_is_cut(interim: int, response: bytes, cuts: list[int]) -> None:
    found = asyncio.run(receive(INTERIM * interim + response, cuts))
    assert found == (204 if response == NONE else 200, RESPONSES[response], True)


# Empty lines before a response are nothing (RFC 9112, section 2.2).
BEYOND = st.binary(min_size=1, max_size=60).filter(lambda data: bool(data.strip(b"\r\n"))) | st.sampled_from(
    [PLAIN, CHUNKED]
)


@given(st.sampled_from(sorted(RESPONSES)), BEYOND, CUTS)
def test_no_byte_beyond_a_response_changes_it_and_none_is_the_next_one(
    response: bytes, beyond: bytes, cuts: list[int]
) -> None:
    status, body, reusable = asyncio.run(receive(response + beyond, cuts))
    assert (status, body, reusable) == (204 if response == NONE else 200, RESPONSES[response], False)
