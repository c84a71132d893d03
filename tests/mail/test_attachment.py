"""Attachments: what cannot be sent twice is refused, and nothing is read too early."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from omnivery import errors
from omnivery.mail.message import Attachment


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("report.pdf", "application/pdf"),
        ("größe übersicht.pdf", "application/pdf"),
        ("notes.txt", "text/plain; charset=utf-8"),
        ("table.csv", "text/csv; charset=utf-8"),
        ("logo.PNG", "image/png"),
        ("backup.tar.gz", "application/octet-stream"),
        ("unknown.zzzz", "application/octet-stream"),
        ("no extension", "application/octet-stream"),
    ],
)
def test_the_media_type_is_guessed(name: str, media_type: str) -> None:
    assert Attachment(name=name, content=b"").content_type == media_type


def test_a_given_media_type_stays_as_it_is() -> None:
    file = Attachment(name="invite.ics", content=b"", content_type="text/calendar; method=REQUEST")
    assert file.content_type == "text/calendar; method=REQUEST"


def test_from_path_takes_the_paths_own_name(tmp_path: Path) -> None:
    file = Attachment.from_path(str(tmp_path / "report.pdf"))
    assert (file.name, file.content_type) == ("report.pdf", "application/pdf")
    assert Attachment.from_path(tmp_path / "x.bin", name="y.csv").content_type == "text/csv; charset=utf-8"


def test_a_file_that_is_not_there_is_no_error_before_it_is_sent(tmp_path: Path) -> None:
    """So that in a run of many messages it is the one message's matter."""
    assert Attachment.from_path(tmp_path / "missing.pdf").name == "missing.pdf"


@pytest.mark.parametrize("content", ["text", io.StringIO("text"), None, 5, bytearray(b"x")])
def test_what_holds_no_bytes_is_refused(content: Any) -> None:
    with pytest.raises(errors.ConfigError, match="content"):
        Attachment(name="a.txt", content=content)


def test_a_file_that_cannot_be_rewound_is_refused() -> None:
    """A second attempt would send what is left of it."""
    end, other = os.pipe()
    os.close(other)
    with os.fdopen(end, "rb") as pipe, pytest.raises(errors.ConfigError, match=r"file\.read\(\)"):
        Attachment(name="a.bin", content=pipe)


def test_a_closed_file_is_refused() -> None:
    closed = io.BytesIO(b"x")
    closed.close()
    with pytest.raises(errors.ConfigError, match="cannot be used"):
        Attachment(name="a.bin", content=closed)


@pytest.mark.parametrize("name", ["", " ", None, "undecodable\udcff.pdf"])
def test_a_name_is_text(name: Any) -> None:
    with pytest.raises(errors.ConfigError, match="name"):
        Attachment(name=name, content=b"")


@pytest.mark.parametrize("content_type", ["", "pdf", "text/plain\r\nX-Evil: 1", "text/plän"])
def test_a_media_type_is_a_header_value(content_type: str) -> None:
    with pytest.raises(errors.ConfigError, match="content_type"):
        Attachment(name="a.txt", content=b"", content_type=content_type)


def test_its_repr_shows_nothing_of_its_content() -> None:
    assert repr(Attachment(name="a.txt", content=b"secret")) == (
        "Attachment(name='a.txt', content_type='text/plain; charset=utf-8')"
    )
