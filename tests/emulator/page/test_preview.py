"""The document of a message's HTML. That it is inert in a browser, the session `web` shows."""

from __future__ import annotations

import base64
from email.message import EmailMessage
from typing import Any

import pytest

from omnivery.emulator.message import StoredFile, StoredMessage
from omnivery.emulator.page import preview
from tests.emulator.page.conftest import HOSTILE, Get

PNG = StoredFile(name="logo.png", media_type="image/png", content=b"PNG")


def document(html: str, *, remote: bool = False, **parts: Any) -> str:
    found = StoredMessage(
        id="<1@example.com>", domain="example.com", surface="mailgun", sender="a@example.com", to=(), html=html, **parts
    )
    return preview.document(found, remote=remote)


def test_it_runs_nothing_and_loads_nothing_unless_chosen(get: Get) -> None:
    """The sandbox, too, stands in the policy: it holds where there is no iframe around the document."""
    policy = get("/_/page/messages/1/preview").headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; ")
    assert not any(word in policy for word in ("http", "allow-scripts", "allow-same-origin", "script-src", "'self' "))
    chosen = get("/_/page/messages/1/preview?remote=1").headers["content-security-policy"]
    assert chosen.startswith(policy[: policy.index("style-src")])
    assert "img-src data: http: https:" in chosen
    assert not any(word in chosen for word in ("allow-scripts", "allow-same-origin", "script-src"))


def test_the_html_is_shown_as_it_is(get: Get) -> None:
    response = get("/_/page/messages/1/preview")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.text == f'<base target="_blank"><p>{HOSTILE}</p>'
    assert get("/_/page/messages/99/preview").status_code == 404


def test_a_document_type_stays_the_first_thing() -> None:
    """Behind anything else a browser ignores it, and lays the mail out in quirks mode."""
    assert document("\n<!DOCTYPE html><p>x").startswith('\n<!DOCTYPE html><base target="_blank"><p>')


@pytest.mark.parametrize("tag", ["link", "LINK", "meta"])
def test_tags_that_neither_sandbox_nor_policy_covers_are_renamed(tag: str) -> None:
    for end in (" rel=preconnect href=x>", ">", "/>", "\n x>"):
        assert f"<{tag}" not in document(f"<{tag}{end}")
    assert document(f"<{tag}x>").endswith(f"<{tag}x>")


def test_remote_styles_are_left_when_they_are_chosen() -> None:
    html = "<link rel=stylesheet href=x><meta http-equiv=refresh content=0>"
    assert "<link rel" in document(html, remote=True)
    assert "<meta" not in document(html, remote=True)


def test_inline_images_are_part_of_the_document() -> None:
    data = f"data:image/png;base64,{base64.b64encode(b'PNG').decode()}"
    assert f'<img src="{data}">' in document('<img src="cid:logo.png">', inline=(PNG,))
    spaced = StoredFile(name="a b.png", media_type="image/png", content=b"PNG")
    assert f'<img src="{data}">' in document('<img src="cid:a%20b.png">', inline=(spaced,))
    assert '<img src="cid:other">' in document('<img src="cid:other">', inline=(PNG,))
    mail = EmailMessage()
    mail.set_content("<img src=cid:x@y>", subtype="html")
    mail.add_related(b"PNG", maintype="image", subtype="png", cid="<x@y>")
    assert f"<img src={data}>" in document("<img src=cid:x@y>", mime=mail.as_bytes())


def test_a_file_cannot_break_out_of_its_place() -> None:
    evil = StoredFile(name="x", media_type='image/png"><script>', content=b"")
    assert "<script" not in document('<img src="cid:x">', inline=(evil,))


def test_large_images_are_left_out() -> None:
    large = StoredFile(name="x", media_type="image/png", content=bytes(preview.EMBEDDED + 1))
    assert len(document('<img src="cid:x">', inline=(large,))) < 100
