"""The links and images that a message names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Literal, TypeVar

from attrs import frozen

T = TypeVar("T")

LIMIT = 500
"""Most links, and most images, that are listed."""
LONGEST = 2_000_000
"""Characters of HTML that are searched."""
TAG = re.compile(r"<(a|area|img|body|table|td|tr|div)\b([^<>]*)>", re.IGNORECASE)
ATTRIBUTE = re.compile(r"""\b(href|src|alt|background)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
STYLE_URL = re.compile(r"""url\(\s*["']?([^"')\s]+)""", re.IGNORECASE)
TEXT_URL = re.compile(r"""https?://[^\s"'<>]+""")
END = re.compile(r"</a\s*>", re.IGNORECASE)
MARKUP = re.compile(r"<[^>]*>")


@frozen(kw_only=True)
class Link:
    """A link."""

    url: str
    text: str
    """Its text in the HTML; empty in plain text."""

    @property
    def is_web(self) -> bool:
        """Whether it may be followed from the page: others, such as `javascript:`, are only shown."""
        return self.url.lower().startswith(("http://", "https://"))


@frozen(kw_only=True)
class Image:
    """An image."""

    url: str
    alt: str
    kind: Literal["remote", "inline", "data", "other"]


@frozen(kw_only=True)
class References:
    """The links and images of one message, each once, in their order."""

    links: tuple[Link, ...]
    images: tuple[Image, ...]

    @property
    def remote_images(self) -> int:
        """Number of images that would be loaded from elsewhere."""
        return sum(image.kind == "remote" for image in self.images)


def references(html: str | None, text: str | None) -> References:
    """Return what a message names. It finds what mail holds; it is no parser of hostile HTML."""
    found = list(_in_html((html or "")[:LONGEST]))
    links = [item for item in found if isinstance(item, Link)]
    images = [item for item in found if isinstance(item, Image)]
    if not html:
        links = [Link(url=url, text="") for url in TEXT_URL.findall((text or "")[:LONGEST])]
    return References(links=_each_once(links), images=_each_once(images))


def _in_html(html: str) -> Iterator[Link | Image]:
    for tag in TAG.finditer(html):
        values = {name.lower(): unescape(a or b or c) for name, a, b, c in ATTRIBUTE.findall(tag[2])}
        name = tag[1].lower()
        if name in {"a", "area"} and values.get("href"):
            yield Link(url=values["href"].strip(), text=_text_after(html, tag.end()) if name == "a" else "")
        elif name == "img" and values.get("src"):
            yield _image(values["src"].strip(), values.get("alt", ""))
        elif values.get("background"):
            yield _image(values["background"].strip(), "")
    for url in STYLE_URL.findall(html):
        yield _image(unescape(url), "")


def _text_after(html: str, start: int) -> str:
    near = html[start : start + 1000]
    end = END.search(near)
    return " ".join(unescape(MARKUP.sub(" ", near[: end.start()] if end else "")).split())[:200]


def _image(url: str, alt: str) -> Image:
    scheme = url.partition(":")[0].lower()
    if scheme == "cid":
        return Image(url=url, alt=alt, kind="inline")
    if scheme == "data":
        return Image(url=f"{url[:60]}…", alt=alt, kind="data")
    return Image(url=url, alt=alt, kind="remote" if url.startswith("//") or scheme in {"http", "https"} else "other")


def _each_once(items: list[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))[:LIMIT]
