"""Links and images of a message, as lists to read."""

from __future__ import annotations

import time

from omnivery.emulator.page.references import Image, Link, references

HTML = """
<body background="https://cdn.example.com/paper.png"><a href='https://example.com/a?x=1&amp;y=2'>Read <b>more</b></a>
<A HREF=https://example.com/b>B</A><a href="javascript:alert(1)">bad</a>
<a name="x">none</a>
<a href="https://example.com/b">B</a>
<img src="https://cdn.example.com/p.gif" alt="A &quot;pixel&quot;"><img src=cid:logo>
<img src="data:image/png;base64,AAAA">
<img src="//cdn.example.com/q.gif"><div style="background: url('https://cdn.example.com/d.png')"></div></body>
"""


def test_links_and_images_of_html() -> None:
    found = references(HTML, "https://example.com/in-text")
    assert found.links == (
        Link(url="https://example.com/a?x=1&y=2", text="Read more"),
        Link(url="https://example.com/b", text="B"),
        Link(url="javascript:alert(1)", text="bad"),
    )
    assert [link.is_web for link in found.links] == [True, True, False]
    assert [image.kind for image in found.images] == ["remote", "remote", "inline", "data", "remote", "remote"]
    assert found.images[1] == Image(url="https://cdn.example.com/p.gif", alt='A "pixel"', kind="remote")
    assert found.remote_images == 4


def test_links_of_a_message_without_html() -> None:
    found = references(None, "See https://example.com/a and <http://example.com/b>.")
    assert [link.url for link in found.links] == ["https://example.com/a", "http://example.com/b"]
    assert references(None, None).images == ()


def test_no_html_makes_it_slow() -> None:
    """A page must not hang on mail that was made to hang it."""
    start = time.thread_time()
    for piece in ("<a href=", "<a <a", "<img src='", "url(", "<a href=x>", "https://", '<a href="' + "x" * 99):
        references(piece * (300_000 // len(piece)), None)
    assert time.thread_time() - start < 5
