"""The corpus: lines of every format, written by us after public descriptions, each with its expected event or reason.

A file in `corpus/` begins with `?`: the reader and its options. `<` is a line of the input, `>` an item that is
expected of it, in order, and `=` what is counted as skipped. Addresses and names are those set aside for documentation.
"""

from __future__ import annotations

import io
import json
import os
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from omnivery import readers
from omnivery.events.event import BotEvent, EventLine, UnreadableLine
from omnivery.readers._log_formats import LOG_FORMATS
from omnivery.readers._providers import PROVIDERS

FILES = sorted((Path(__file__).parent / "corpus").glob("*.txt"))
FIELDS = ("ip", "uas", "action", "domain", "recipient_id", "message_id", "ts", "message_ts", "attributes")
SET_ASIDE = [ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]


def part(path: Path, mark: str) -> list[str]:
    """The lines of a file behind a mark."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [line.removeprefix(mark).removeprefix(" ") for line in lines if line.startswith(mark)]


def form(item: object) -> dict[str, Any]:
    """An item as the corpus has it. An id that is derived is left out: other tests are about those."""
    if isinstance(item, UnreadableLine):
        return {"line": item.line, "reason": item.reason}
    if isinstance(item, EventLine):
        return {"line": item.line, "data": item.data.decode()}
    assert isinstance(item, BotEvent)
    known = {name: value for name in FIELDS if (value := getattr(item, name)) is not None}
    return known if len(item.event_id or "") == 32 else {**known, "event_id": item.event_id}


@pytest.mark.filterwarnings("ignore::omnivery.readers.LogWarning")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_line_becomes_what_the_corpus_says(path: Path) -> None:
    (how,) = map(json.loads, part(path, "?"))
    source = io.BytesIO("\n".join(part(path, "<")).encode())
    found = getattr(readers, how["reader"])(source, **how.get("options", {}))
    assert [form(item) for item in found] == [json.loads(line) for line in part(path, ">")]
    assert dict(found.skipped) == json.loads(part(path, "=")[0])


def counts(path: Path, content: str) -> tuple[int, int, int]:
    """What a pipe with this content is read as, which has ended: items, lines without one, and last lines left."""
    (how,) = map(json.loads, part(path, "?"))
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as file:
        with os.fdopen(writer, "wb") as other:
            other.write(content.encode())
        found = getattr(readers, how["reader"])(file, **how.get("options", {}))
        return len(list(found)), sum(found.skipped.values()), found.unfinished


@pytest.mark.filterwarnings("ignore::omnivery.readers.LogWarning")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_last_line_of_a_pipe_that_ends_is_accounted_for(path: Path) -> None:
    """Nothing will follow it: it is a record if it is whole, and else a rejection."""
    content = "\n".join(part(path, "<")).rstrip("\n")
    items, skipped, _ = counts(path, content + "\n")
    assert counts(path, content) == (items, skipped, 0)
    start = content.rfind("\n") + 1
    for end in {(start + len(content) + 1) // 2, len(content) - 1} - {start, len(content)}:
        found, passed, left = counts(path, content[:end])
        assert (found + passed, left) == (items + skipped, 0)


@pytest.mark.filterwarnings("ignore::omnivery.readers.LogWarning")
@pytest.mark.parametrize(
    "name",
    [
        "combined",
        "vhost_combined",
        "alb",
        "elb",
        "lighttpd",
        "aiohttp",
        "s3",
        "haproxy",
        "iis",
        "w3c",
        "cloudfront",
        "cloudfront_json",
        "google_cloud",
        "aws_waf",
        "azure",
        "caddy",
        "traefik",
        "logpush",
        "nginx_json",
    ],
)
def test_each_format_is_recognized_by_read(name: str) -> None:
    """Without its name: the same events."""
    (path,) = (one for one in FILES if one.stem == name)
    found = readers.read(io.BytesIO("\n".join(part(path, "<")).encode()))
    assert [form(item) for item in found] == [json.loads(line) for line in part(path, ">")]


def test_the_corpus_is_large_and_leaves_no_format_out() -> None:
    assert sum(len(part(path, "<")) for path in FILES) >= 200
    names = {path.stem for path in FILES}
    assert {one.name for one in LOG_FORMATS} - names == {"main"}
    assert {
        "main_peer",
        "main_forwarded",
        "main_trusted",
        "csv",
        "csv_excel",
        "ndjson",
        "ndjson_columns",
        "json",
    } <= names
    assert {f"events_{name}" for name in PROVIDERS} <= names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_address_in_it_is_anybodys(path: Path) -> None:
    """A corpus is published: what real logs hold is personal."""
    for line in part(path, ">"):
        ip = json.loads(line).get("ip")
        if ip is not None:
            address = ip_address(ip)
            assert (
                address.is_loopback
                or address.is_link_local
                or any(address in network for network in [*SET_ASIDE, ip_network("10.0.0.0/8")])
            )
