"""Forms with files: the same bytes on every attempt, and never a whole file in memory."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import anyio
import pytest

from omnivery.errors import AmbiguousError, ConfigError
from omnivery.transport import body as encoding
from omnivery.transport.adapters.httpx_async import ClientAdapter, HttpxAdapter
from omnivery.transport.body import Body
from omnivery.transport.config import Timeouts
from omnivery.transport.http import Request
from omnivery.transport.multipart import BLOCK, FilePart, MultipartContent
from tests.support.fakes import always, http_response, serve
from tests.support.message import Uploaded, content_of, form_of

BIG = 50_000_000


@pytest.fixture
def boundary(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("secrets.token_hex", lambda _: "limit")
    return "limit"


class Damaged(io.BytesIO):
    """A file object with errors of its own, as those in a damaged archive are."""

    def seek(self, offset: int, whence: int = 0) -> int:
        raise zipfile.BadZipFile("bad magic number")


def part(content: bytes | Path | BinaryIO = b"x", *, filename: str = "a.bin", start: int = 0) -> FilePart:
    return FilePart(
        name="attachment", filename=filename, content_type="application/octet-stream", content=content, start=start
    )


def streamed(*files: FilePart) -> MultipartContent:
    content = encoding.multipart([], files).content
    assert isinstance(content, MultipartContent)
    return content


def request_of(url: str, body: Body) -> Request:
    headers = (("content-type", body.content_type),)
    return Request(method="POST", url=url, headers=headers, content=body.content, timeouts=Timeouts(connect=2))


def test_the_form_is_written_as_rfc_7578_has_it(boundary: str) -> None:
    """Plain UTF-8 in `filename`, and never `filename*`, which the RFC forbids and servers pass over."""
    body = encoding.multipart([("to", "jörg@example.com")], [part(b"\x00\xff", filename="größe übersicht.pdf"), part()])
    assert body.content_type == "multipart/form-data; boundary=limit"
    assert content_of(body) == (
        b'--limit\r\nContent-Disposition: form-data; name="to"\r\n\r\nj\xc3\xb6rg@example.com\r\n'
        b'--limit\r\nContent-Disposition: form-data; name="attachment"; '
        b'filename="gr\xc3\xb6\xc3\x9fe \xc3\xbcbersicht.pdf"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\x00\xff\r\n"
        b'--limit\r\nContent-Disposition: form-data; name="attachment"; filename="a.bin"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\nx\r\n"
        b"--limit--\r\n"
    )


def test_a_form_without_files_is_plain_bytes(boundary: str) -> None:
    """Single bot checks go this way: they must not pay for streaming."""
    body = encoding.multipart([("ip", "192.0.2.1")])
    assert body.content == b'--limit\r\nContent-Disposition: form-data; name="ip"\r\n\r\n192.0.2.1\r\n--limit--\r\n'


def test_a_file_name_cannot_leave_its_quotes(boundary: str) -> None:
    body = encoding.multipart([], [part(filename='a"; name="to"\r\nX-Evil: 1')])
    assert b'filename="a%22; name=%22to%22%0D%0AX-Evil: 1"\r\nContent-Type' in content_of(body)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_the_length_is_known_before_and_right(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * size)
    content = streamed(part(b"y" * size), part(path), part(io.BytesIO(b"z" * size)))
    found = b"".join(content.blocks())
    assert len(found) == content.length
    assert found.count(b"x" * size + b"\r\n--") == 1 or size == 0


def test_every_attempt_reads_the_same_bytes_from_the_start(tmp_path: Path) -> None:
    """A file that is read on from where the first attempt left it would arrive empty."""
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(256)) * 1000)
    opened = io.BytesIO(b"skipped" + b"kept" * 50_000)
    content = streamed(part(path), part(opened, start=len(b"skipped")), part(b"bytes"))
    first, abandoned, second = content.blocks(), content.blocks(), content.blocks()
    for _ in range(3):
        next(abandoned)
    assert b"".join(first) == b"".join(second)
    assert b"skipped" not in b"".join(content.blocks())


def test_two_messages_may_share_one_open_file() -> None:
    """Sent side by side they read in turns, and neither may move the other's place."""
    content = streamed(part(io.BytesIO(bytes(range(256)) * 2000)))
    alone = b"".join(content.blocks())
    pairs: Iterator[tuple[bytes, bytes]] = zip(content.blocks(), content.blocks(), strict=True)
    one, other = zip(*pairs, strict=True)
    assert b"".join(one) == b"".join(other) == alone


@pytest.mark.parametrize("size", [0, 3, 5])
def test_a_file_that_changed_its_size_is_found_before_anything_is_sent(tmp_path: Path, size: int) -> None:
    """A longer or shorter body than announced would break the connection, or the requests after it."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"four")
    content = streamed(part(path))
    path.write_bytes(b"x" * size)
    with pytest.raises(ConfigError, match=r"attachment: the file 'a\.bin' changed its size.*did not take effect"):
        content.blocks()


def test_a_file_that_shrinks_while_it_is_sent_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 3 * BLOCK)
    blocks = streamed(part(path)).blocks()
    next(blocks)
    next(blocks)
    path.write_bytes(b"")
    with pytest.raises(ConfigError, match="changed its size"):
        list(blocks)


def test_a_file_that_cannot_be_read_says_which_and_why(tmp_path: Path) -> None:
    closed = io.BytesIO(b"x")
    closed.close()
    cases: list[tuple[Path | BinaryIO, str]] = [
        (tmp_path / "none", "No such file"),
        (tmp_path, "not a regular file"),
        (closed, "closed"),
        (Damaged(), "bad magic number"),
    ]
    for content, reason in cases:
        with pytest.raises(ConfigError, match=rf"attachment: the file 'a\.bin' cannot be read \(.*{reason}.*Nothing"):
            streamed(part(content))


def test_a_file_that_ends_before_its_content_begins_is_an_error() -> None:
    """A size below zero would make the announced length a lie."""
    with pytest.raises(ConfigError, match="ends before"):
        streamed(part(io.BytesIO(b"x"), start=2))


@pytest.mark.parametrize("wrong", ["text", None, zipfile.BadZipFile("damaged")])
def test_a_file_object_that_misbehaves_while_it_is_read_is_an_error_of_the_set_up(wrong: object) -> None:
    """Some objects that look like files read text, or fail in a way of their own."""

    class Odd(io.BytesIO):
        def read(self, size: int | None = -1) -> Any:
            if isinstance(wrong, Exception):
                raise wrong
            return wrong

    content = streamed(part(Odd(b"four")))
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        list(content.blocks())
    assert content.fault is caught.value


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: encoding.form([("name", text)]),
        lambda text: encoding.query([("name", text)]),
        lambda text: encoding.fill_path("/{name}", {"name": text}),
        lambda text: encoding.multipart([("name", text)]),
        lambda text: encoding.multipart([(text, "value")]),
        lambda text: encoding.multipart([], [part(filename=text)]),
        lambda text: encoding.form([(text, "value")]),
    ],
    ids=["form", "query", "path", "multipart", "multipart-name", "file-name", "form-name"],
)
def test_half_of_a_surrogate_pair_is_refused_wherever_it_stands(encode: Callable[[str], object]) -> None:
    """JSON and badly decoded input bring it; it has no UTF-8 form."""
    encode("whole 😀")
    with pytest.raises(ConfigError, match=r"surrogate pair.*Nothing was sent\.$"):
        encode("half \ud800 of it")


@pytest.mark.anyio
@pytest.mark.parametrize("own_client", [False, True])
async def test_a_form_arrives_whole_with_its_length_announced(tmp_path: Path, own_client: bool) -> None:
    import httpx

    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(256)) * 1000)
    body = encoding.multipart([("to", "x")], [part(path, filename="größe.pdf")])
    async with serve(always(http_response())) as server, httpx.AsyncClient() as client:
        adapter = ClientAdapter(client=client) if own_client else HttpxAdapter()
        for _ in range(2):
            assert (await adapter.send(request_of(server.url, body))).status == 200
        await adapter.aclose()
    first, second = server.seen
    assert first.body == second.body
    assert "transfer-encoding" not in first.headers
    assert await form_of(Body(content=first.body, content_type=first.headers["content-type"])) == [
        ("to", "x"),
        ("attachment", Uploaded("größe.pdf", "application/octet-stream", path.read_bytes())),
    ]


@pytest.mark.anyio
async def test_fifty_megabytes_pass_without_being_held() -> None:
    class Zeros(io.RawIOBase):
        """A file of zeros that takes no room itself."""

        place = 0

        def seekable(self) -> bool:
            return True

        def seek(self, offset: int, whence: int = 0) -> int:
            self.place = BIG + offset if whence == io.SEEK_END else offset
            return self.place

        def read(self, size: int = -1) -> bytes:
            return bytes(min(size, BIG - self.place))

    received = peak = 0

    async def sink(stream: anyio.abc.ByteStream) -> None:
        nonlocal received
        async with stream:
            head = await stream.receive()
            received += len(head)
            while received < BIG:
                received += len(await stream.receive())
            await stream.send(http_response())

    body = encoding.multipart([], [part(Zeros())])  # type: ignore[arg-type]  # as much of a file as is needed
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, sink)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        adapter = HttpxAdapter()
        tracemalloc.start()
        try:
            await adapter.send(request_of(f"http://127.0.0.1:{port}", body))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        await adapter.aclose()
        tasks.cancel_scope.cancel()
    assert received >= BIG
    assert peak < BIG / 10


@pytest.mark.anyio
async def test_a_server_that_hangs_up_half_way_leaves_nothing_open(tmp_path: Path) -> None:
    """Neither the file nor a half-read generator: each would be a warning, and warnings are errors here."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 20_000_000)

    async def hang_up(stream: anyio.abc.ByteStream) -> None:
        await stream.receive()
        await stream.aclose()

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, hang_up)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        adapter = HttpxAdapter()
        with pytest.raises(AmbiguousError):
            await adapter.send(request_of(f"http://127.0.0.1:{port}", encoding.multipart([], [part(path)])))
        await adapter.aclose()
        tasks.cancel_scope.cancel()
