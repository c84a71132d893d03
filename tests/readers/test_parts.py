"""Lines that a container's runtime has split: joined, counted, and read on from wherever a run had ended."""

from __future__ import annotations

import gzip
import io
import json
import warnings
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnivery.events.encoded import decoded
from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers import LogWarning, access_log, read
from omnivery.readers._lines import MAX_LINE

TIME = "2026-05-17T10:05:03.123456789Z"


def line(n: int, agent: str = "Mozilla/5.0 (X11)") -> str:
    return f'198.51.100.{n} - - [17/May/2026:10:05:03 +0000] "GET /c/{n} HTTP/1.1" 302 0 "-" "{agent}"'


def docker(text: str, *, goes_on: bool = False, stream: str = "stdout") -> str:
    own = {"log": text if goes_on else f"{text}\n", "stream": stream, "time": TIME}
    return json.dumps(own, separators=(",", ":")) + "\n"


def spaced(text: str, *, goes_on: bool = False, stream: str = "stdout") -> str:
    return json.dumps({"time": TIME, "stream": stream, "log": text if goes_on else f"{text}\n"}) + "\n"


def cri(text: str, *, goes_on: bool = False, stream: str = "stdout") -> str:
    return f"{TIME} {stream} {'P' if goes_on else 'F'} {text}\n"


def journal(text: str, *, goes_on: bool = False, stream: str = "stdout") -> str:
    own = {"__CURSOR": "c", "MESSAGE": text, "CONTAINER_ID_FULL": "abc", "PRIORITY": "6" if stream == "stdout" else "3"}
    return json.dumps({**own, **({"CONTAINER_PARTIAL_MESSAGE": "true"} if goes_on else {})}) + "\n"


def native(text: str, *, goes_on: bool = False, stream: str = "stdout") -> str:
    own = {"__CURSOR": "c", "MESSAGE": list(text.encode()), "_STREAM_ID": stream}
    return json.dumps({**own, **({"_LINE_BREAK": "line-max"} if goes_on else {})}) + "\n"


WRITERS: dict[str, Callable[..., str]] = {
    "docker": docker,
    "docker, spaced": spaced,
    "cri": cri,
    "journal": journal,
    "journal itself": native,
}
written_by = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def items(content: str, **options: Any) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LogWarning)
        return list(access_log(io.BytesIO(content.encode()), **options))


def urls(found: list[Any]) -> list[Any]:
    return [(one.attributes or {})["url"] if isinstance(one, BotEvent) else one.line for one in found]


@written_by
@pytest.mark.parametrize("cuts", [(40,), (40, 60), (1, 2, 3), (80,)])
def test_parts_are_joined(write: Any, cuts: tuple[int, ...]) -> None:
    whole = line(2)
    ends = [*cuts, len(whole)]
    parts = [whole[start:end] for start, end in zip([0, *cuts], ends, strict=True)]
    split = [write(part, goes_on=place < len(cuts)) for place, part in enumerate(parts)]
    content = "".join([write(line(1)), *split, write(line(3))])
    for found in (items(content), list(read(io.BytesIO(content.encode()), client_ip="peer"))):
        assert urls(found) == ["/c/1", "/c/2", "/c/3"]
        assert [one.attributes["line"] for one in found] == [1, 2, 3 + len(cuts)]
        assert [one.uas for one in found] == ["Mozilla/5.0 (X11)"] * 3


@written_by
def test_a_file_of_one_line_that_was_split_is_recognized(write: Any) -> None:
    content = write(line(2)[:50], goes_on=True) + write(line(2)[50:])
    found = access_log(io.BytesIO(content.encode()))
    assert urls(list(found)) == ["/c/2"]
    assert found.skipped == {"part": 1}


@written_by
def test_another_stream_may_write_between_the_parts(write: Any) -> None:
    """Each in its place: nothing is lost, and nothing gets into another one's line."""
    whole = line(2)
    content = "".join(
        [
            write(line(1)),
            write(whole[:30], goes_on=True),
            write("an error", goes_on=True, stream="stderr"),
            write(whole[30:60], goes_on=True),
            write(" of the server", stream="stderr"),
            write(whole[60:]),
            write(line(3)),
        ]
    )
    found = items(content)
    assert urls(found) == ["/c/1", "/c/2", 3, "/c/3"]
    assert isinstance(found[2], UnreadableLine)


@written_by
def test_a_part_whose_end_is_lost_is_accounted_for(write: Any) -> None:
    found = items(write(line(1)) * 3 + write(line(2)[:40], goes_on=True))
    assert urls(found) == ["/c/1"] * 3 + [4]
    assert found[-1].reason == "cut off inside the time"


@pytest.mark.parametrize("write", [docker, spaced])
def test_a_process_that_ends_in_the_middle_of_a_line_costs_no_line_of_the_next_one(write: Any) -> None:
    """Docker writes nothing that tells a part from a line without an end, but its length."""
    content = write(line(1)) + write("bye", goes_on=True) + write(line(2)) + write(line(3))
    assert urls(items(content)) == ["/c/1", 2, "/c/2", "/c/3"]
    long = "x" * 16_384
    assert urls(items(write(line(1)) + write(long, goes_on=True) + write(line(2)) + write(line(3)))) == [
        "/c/1",
        2,
        "/c/3",
    ]


def test_a_part_cannot_be_made_to_look_like_a_line() -> None:
    """A client that sends a long user agent chooses where it is split."""
    forged = line(9, "forged")
    agent = "x" * 16_300 + forged.replace('"', '\\"')
    whole = line(2, agent)
    cut = whole.index("198.51.100.9")
    content = cri(line(1)) + cri(whole[:cut], goes_on=True) + cri(whole[cut:]) + cri(line(3))
    assert urls(items(content)) == ["/c/1", "/c/2", "/c/3"]


def test_collectors_that_take_the_ends_away_split_nothing() -> None:
    content = "".join(json.dumps({"log": line(n), "stream": "stdout"}) + "\n" for n in range(5))
    assert urls(items(content)) == [f"/c/{n}" for n in range(5)]


def test_a_line_that_never_ends_holds_nothing_up_for_long() -> None:
    content = "".join([cri("x" * 50, goes_on=True, stream="stderr"), *(cri(line(n % 250)) for n in range(5_000))])
    taken: list[bytes] = []

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            taken.append(super().read(size))
            return taken[-1]

    source = Slow(content.encode())
    found = iter(access_log(source, format="combined", client_ip="peer"))
    assert isinstance(next(found), UnreadableLine)
    assert len(b"".join(taken)) < len(content) / 2
    assert len(list(found)) == 5_000


def test_a_line_that_is_too_long_when_joined_is_told() -> None:
    parts = [cri("x" * 16_000, goes_on=True)] * (MAX_LINE // 16_000 + 2)
    found = items("".join([cri(line(1)), *parts, cri("x"), cri(line(3))]))
    assert urls(found)[:2] == ["/c/1", 2]
    assert urls(found)[-1] == "/c/3"
    assert found[1].reason == "longer than 1,000,000 bytes"


def test_parts_of_json_are_joined_before_they_are_read() -> None:
    own = {"time_iso8601": "2026-05-17T10:05:03Z", "remote_addr": "198.51.100.7", "request": "GET /c/1 HTTP/1.1"}
    whole = json.dumps({**own, "http_user_agent": "x\u00e4"})
    content = (docker(whole) + docker(whole[:50], goes_on=True) + docker(whole[50:])) * 2
    assert urls(items(content)) == ["/c/1"] * 4


# Resuming

Placed = tuple[int, int, bool, bool]


@st.composite
def files(draw: st.DrawFn) -> tuple[str, int]:
    """A file of a container: lines of two streams in parts, mixed; and how many lines there were before."""
    write = draw(st.sampled_from(list(WRITERS.values())))
    streams: dict[str, list[str]] = {"stdout": [], "stderr": []}
    count = draw(st.integers(1, 6))
    for n in range(count):
        stream = draw(st.sampled_from(["stdout", "stdout", "stderr"]))
        whole = line(n)
        cuts = sorted(draw(st.sets(st.integers(1, len(whole) - 1), max_size=3)))
        for start, end in zip([0, *cuts], [*cuts, None], strict=True):
            streams[stream].append(write(whole[start:end], goes_on=end is not None, stream=stream))
    lines = [write(line(99))]
    while any(streams.values()):
        lines.append(streams[draw(st.sampled_from([name for name, left in streams.items() if left]))].pop(0))
    return "".join(lines), count + 1


lawful = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@lawful
@given(file=files(), cut=st.integers(0, 1_500), encoded=st.booleans())
def test_reading_resumes_between_any_two_items(file: tuple[str, int], cut: int, encoded: bool, tmp_path: Path) -> None:
    """Not between the parts of one, and with the same ids; also where the file has grown meanwhile."""
    content, count = file
    path = tmp_path / "container.log"
    path.write_text(content)

    def source() -> Any:
        made: Any = access_log(path, format="combined", client_ip="peer")
        if encoded:
            made.allow_encoded()
        return made

    first = source()
    whole = [decoded(one) for one in first.open(first.locate(()))]
    assert [type(one) for one in whole] == [BotEvent] * count
    assert sum(first.skipped.values()) + count == content.count("\n")
    path.write_text(content[: min(cut, len(content))])
    begun = source()
    stream = begun.open(begun.locate(()))
    found = list(islice(stream, 1 + cut % 3)) if cut % 2 else list(stream)
    if not found:
        return
    place = begun.position(found[-1])
    path.write_text(content)
    again = source()
    point = type(again.locate(()))(name=again.name, position=json.loads(json.dumps(place)))
    rest = list(again.open(again.locate([point])))
    assert [decoded(one) for one in [*found, *rest]] == whole


SPLIT_AT = 16 * 1024
"""Bytes of each part: Docker and containerd split there."""


def run_to_its_end(path: Path, before: tuple[str, Any] | None, **options: Any) -> tuple[list[Any], Any, Any]:
    """What a run with a journal takes of a file, where it stands then, and its source."""
    source: Any = read(path, client_ip="peer", **options)
    point = type(source.locate(()))
    known = [point(name=before[0], position=json.loads(json.dumps(before[1])))] if before else []
    found, place = [], before
    for item in source.open(source.locate(known)):
        found.append(item)
        place = (source.name, source.position(item))
    return found, place, source


@written_by
@pytest.mark.parametrize("noise", [0, 1, 2])
@pytest.mark.parametrize("options", [{}, {"format": "combined"}], ids=["recognized", "named"])
def test_a_file_that_holds_but_the_beginning_of_a_line_is_left_for_the_next_run(
    write: Any, noise: int, options: dict[str, str], tmp_path: Path
) -> None:
    """By what is there so far no format can be recognized."""
    path = tmp_path / "container.log"
    whole = line(2, "x" * 20_000)
    start = write("starting", stream="stderr") * noise + write(whole[:SPLIT_AT], goes_on=True)
    path.write_text(start)
    first, place, source = run_to_its_end(path, None, **options)
    assert [one.line for one in first] == [*range(1, noise + 1)]
    assert source.unfinished == 1
    path.write_text(start + write(whole[SPLIT_AT:]) + write(line(3)))
    second, _, source = run_to_its_end(path, place, **options)
    assert urls(second) == ["/c/2", "/c/3"]
    assert [one.attributes["line"] for one in second] == [noise + 1, noise + 3]
    assert source.skipped == {"part": 1}


@written_by
def test_who_says_that_the_file_is_complete_has_the_part_read(write: Any, tmp_path: Path) -> None:
    path = tmp_path / "container.log"
    path.write_text(write(line(2, "x" * 20_000)[:SPLIT_AT], goes_on=True))
    found, _, source = run_to_its_end(path, None, complete=True)
    assert [type(one) for one in found] == [UnreadableLine]
    assert source.unfinished == 0


@written_by
def test_a_line_whose_second_part_is_being_written_is_left(write: Any, tmp_path: Path) -> None:
    """What has no line feed yet is not looked at, either."""
    path = tmp_path / "container.log"
    whole = line(2, "x" * 20_000)
    content = write(whole[:SPLIT_AT], goes_on=True) + write(whole[SPLIT_AT:])
    path.write_text(content[:-40])
    found, place, _ = run_to_its_end(path, None)
    assert (found, place) == ([], None)
    path.write_text(content)
    assert urls(run_to_its_end(path, place)[0]) == ["/c/2"]


def test_what_carries_lines_longer_than_what_a_file_is_known_by_is_found_again(tmp_path: Path) -> None:
    """The journal writes a text with characters for terminals as the numbers of its bytes: 48 KiB take 200."""
    path = tmp_path / "journal.json"
    lines = [native(line(n, "x" * 20_000)) for n in range(3)]
    path.write_text(lines[0])
    first, place, _ = run_to_its_end(path, None)
    path.write_text("".join(lines))
    assert urls([*first, *run_to_its_end(path, place)[0]]) == ["/c/0", "/c/1", "/c/2"]


def test_what_no_format_reads_is_said_to_look_like_a_containers() -> None:
    found = list(read(io.BytesIO((docker("ready") * 2 + docker("x" * SPLIT_AT, goes_on=True)).encode())))
    assert [one.line for one in found] == [1, 2, 3]
    assert found[0].reason == (
        "in no format that is known: it looks like what a container or the journal has written, with no request of a "
        "web server in it"
    )


def test_a_packed_file_that_was_appended_to_is_read_on_as_the_container_wrote_it(tmp_path: Path) -> None:
    """Its first member may hold no line of the log: what the others hold shows the format."""
    path = tmp_path / "container.log.gz"
    lines = [cri("starting", stream="stderr"), *(cri(line(n)) for n in range(1, 5))]
    path.write_bytes(b"".join([gzip.compress(one.encode()) for one in lines]))

    def source() -> Any:
        return access_log(path, client_ip="peer")

    begun = source()
    found = list(islice(begun.open(begun.locate(())), 2))
    again = source()
    point = type(again.locate(()))(name=again.name, position=json.loads(json.dumps(begun.position(found[-1]))))
    assert urls(list(again.open(again.locate([point])))) == ["/c/2", "/c/3", "/c/4"]
