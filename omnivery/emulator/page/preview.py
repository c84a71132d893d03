"""The HTML of a message as a document of its own, which runs nothing and by default loads nothing.

What keeps it inert is the browser: the sandbox (of the iframe, and again of the document's own policy) runs no script,
submits no form, follows no `<meta>` refresh and gives the document an origin of its own; the Content-Security-Policy
lets it load nothing. Two things that neither covers are taken out of the HTML: `<link>`, which can make a browser look
up and connect to hosts (`dns-prefetch`, `preconnect`), and `<meta>`, which can turn prefetching of links on again.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from omnivery.emulator.message import StoredFile, StoredMessage
from omnivery.emulator.mime import read_mime

SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
"""What the document may do: open a link in a new tab, when it is clicked."""
ALWAYS = f"sandbox {SANDBOX}; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
OFFLINE = "style-src 'unsafe-inline'; img-src data:; font-src data:"
ONLINE = (
    "style-src 'unsafe-inline' http: https:; img-src data: http: https:; font-src data: http: https:; "
    "media-src http: https:"
)
# Browsers recognise a tag by `<` and its name alone, in any context: a renamed tag is an unknown element.
META = re.compile(r"<(/?)(meta)(?=[\s/>])", re.IGNORECASE)
META_AND_LINK = re.compile(r"<(/?)(meta|link)(?=[\s/>])", re.IGNORECASE)
DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
CID = re.compile(r"""cid:([^\s"'<>)&]+)""", re.IGNORECASE)
EMBEDDED = 20_000_000
"""Most bytes of inline images that are put into the document."""


def headers(*, remote: bool) -> dict[str, str]:
    """Return the headers of the document.

    Args:
        remote: whether it may load images, styles and fonts of others.
    """
    return {
        "content-security-policy": f"{ALWAYS}; {ONLINE if remote else OFFLINE}",
        "x-content-type-options": "nosniff",
        "x-dns-prefetch-control": "on" if remote else "off",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cache-control": "no-store",
    }


def document(message: StoredMessage, *, remote: bool) -> str:
    """Return the document. Inline images are in it as `data:` URLs, so that it need not load them either."""
    html = (META if remote else META_AND_LINK).sub(r"<\1x-\2", message.html or "")
    html = _with_images(html, _images(message))
    # Links open in a new tab. A document type must stay the first thing, or the browser lays out as in 1998.
    start = DOCTYPE.match(html)
    at = start.end() if start else 0
    return f'{html[:at]}<base target="_blank">{html[at:]}'


def _images(message: StoredMessage) -> dict[str, StoredFile]:
    """The inline images by Content-ID. A message made of fields has none: its images go by their file names."""
    files = (*message.attachments, *message.inline)
    found = {file.name: file for file in files if file.media_type.startswith("image/")}
    return {**found, **_mime_images(message.mime)} if message.mime else found


def _mime_images(mime: bytes) -> dict[str, StoredFile]:
    found: dict[str, StoredFile] = {}
    for part in read_mime(mime).walk():
        content = part.get_payload(decode=True)
        name = str(part["content-id"] or "").strip(" <>")
        if name and isinstance(content, bytes) and part.get_content_maintype() == "image":
            found[name] = StoredFile(name=name, media_type=part.get_content_type(), content=content)
    return found


def _with_images(html: str, images: Mapping[str, StoredFile]) -> str:
    used = {unquote(name) for name in CID.findall(html)} & set(images)
    urls = dict(_data_urls(images[name] for name in used)) if used else {}
    return CID.sub(lambda found: urls.get(unquote(found[1]), found[0]), html)


def _data_urls(files: Iterable[StoredFile]) -> Iterable[tuple[str, str]]:
    room = EMBEDDED
    for file in files:
        room -= len(file.content)
        if room >= 0:
            kind = re.sub(r"[^\w/+.-]", "", file.media_type)  # as the sender wrote it: it must not end the attribute
            yield file.name, f"data:{kind};base64,{base64.b64encode(file.content).decode()}"
