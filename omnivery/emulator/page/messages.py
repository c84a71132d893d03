"""Messages: the list with search and tags, one message with its parts, its preview and its files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.message import StoredMessage
from omnivery.emulator.page import delivery_rows, preview, snippets
from omnivery.emulator.page.counts import counts
from omnivery.emulator.page.listing import listing, url_with
from omnivery.emulator.page.missing import missing
from omnivery.emulator.page.references import References, references
from omnivery.emulator.page.sections import MESSAGES
from omnivery.emulator.page.source import headers, source
from omnivery.emulator.page.template import render
from omnivery.emulator.page.texts import exact
from omnivery.emulator.records.deliveries import DeliveryQuery
from omnivery.emulator.records.messages import MessageQuery, MessageRecord, MessageSummary
from omnivery.emulator.records.window import Window
from omnivery.emulator.state import State

TAGS = 12
"""Most tags that are offered as filters."""
WIDTHS = (("full", "Full"), ("w768", "768"), ("w600", "600"), ("w375", "375"), ("w320", "320"))
"""Widths of the preview, in pixels: a tablet, a mail client's column, two phones."""
SOURCE_SHOWN = 500_000
"""Characters of the source that are shown."""


def show_list(request: Request, state: State) -> Response:
    """Show the messages that match."""
    search, tag = request.query_params.get("q", "").strip(), request.query_params.get("tag") or None
    records, query = state.store.messages, MessageQuery(search=search or None, tag=tag)
    found = listing(request, lambda window: records.find(query, window), total=records.count(query), noun="messages")
    return render(
        "messages.html",
        MESSAGES,
        counts=counts(state),
        rows=[_row(summary) for summary in found.records],
        found=found,
        query=search,
        tag=tag,
        tags=_tags(request, state, tag),
        snippets=snippets.snippets(request, state),
    )


def show_one(request: Request, state: State) -> Response:
    """Show one part of a message."""
    record = _record(request, state)
    if record is None:
        return missing(MESSAGES, state, "message")
    message = record.message
    named = references(message.html, message.text)
    deliveries = state.store.deliveries.find(DeliveryQuery(batch_id=message.uuid), Window(limit=100)).records
    tabs = _tabs(message, named, len(deliveries))
    default = "html" if message.html or not message.text else "text"
    view = request.query_params.get("view", default)
    view = view if view in {tab["name"] for tab in tabs} else default
    return render(
        "message.html",
        MESSAGES,
        counts=counts(state),
        message=message,
        number=record.id,
        view=view,
        tabs=tabs,
        **_frame(record, state),
        **_part(view, request, record, named),
        rows=delivery_rows.rows(deliveries),
    )


def show_preview(request: Request, state: State) -> Response:
    """Return the HTML of a message, for the iframe."""
    record, remote = _record(request, state), request.query_params.get("remote") == "1"
    if record is None:
        return Response("This message is not kept any more.", status_code=404, headers=preview.headers(remote=False))
    document = preview.document(record.message, remote=remote).encode("utf-8", "replace")
    return Response(document, media_type="text/html", headers=preview.headers(remote=remote))


def download_source(request: Request, state: State) -> Response:
    """Return the whole source, as a file."""
    record = _record(request, state)
    if record is None:
        return missing(MESSAGES, state, "message")
    return _download(source(record.message), name=f"message-{record.id}.eml", media_type="message/rfc822")


def download_file(request: Request, state: State) -> Response:
    """Return a file of a message, always as a download: a browser must not run it in the page's origin."""
    record, position = _record(request, state), request.path_params["position"]
    files = [*record.message.attachments, *record.message.inline] if record else []
    if not position.isdecimal() or int(position[:9]) >= len(files):
        return missing(MESSAGES, state, "file")
    file = files[int(position)]
    return _download(file.content, name=file.name or f"file-{position}", media_type="application/octet-stream")


def _record(request: Request, state: State) -> MessageRecord | None:
    number = request.path_params["id"]
    return state.store.messages.get(int(number)) if number.isdecimal() and len(number) < 19 else None  # noqa: PLR2004


def _download(content: bytes, *, name: str, media_type: str) -> Response:
    name = name.encode("utf-8", "replace").decode()
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    headers = {
        "content-disposition": disposition,
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
        "cache-control": "no-store",
    }
    return Response(content, media_type=media_type, headers=headers)


def _row(summary: MessageSummary) -> dict[str, Any]:
    return {
        "id": summary.id,
        "url": f"{MESSAGES.path}/{summary.id}",
        "at": datetime.fromtimestamp(summary.at, UTC),
        "subject": summary.subject,
        "sender": summary.sender,
        "recipients": ", ".join(summary.recipients[:3]) + (" …" if len(summary.recipients) > 3 else ""),  # noqa: PLR2004
        "tags": summary.tags[:3],
        "files": summary.files,
        "size": summary.size,
        "test_mode": summary.test_mode,
    }


def _tags(request: Request, state: State, chosen: str | None) -> list[dict[str, Any]]:
    found = state.store.messages.tags(TAGS)
    if chosen and chosen not in dict(found):
        found = [(chosen, state.store.messages.count(MessageQuery(tag=chosen))), *found]
    return [
        {
            "name": name,
            "count": count,
            "url": url_with(request, tag=None if name == chosen else name, before=None, after=None),
        }
        for name, count in found
    ]


def _frame(record: MessageRecord, state: State) -> dict[str, Any]:
    """What stands above every part."""
    message, find = record.message, state.store.messages.find
    newer = find(window=Window(after=record.id, limit=1)).records
    older = find(window=Window(before=record.id, limit=1)).records
    people = {"From": [message.value("from") or message.sender], "To": message.to, "Cc": message.cc, "Bcc": message.bcc}
    return {
        "newer": f"{MESSAGES.path}/{newer[0].id}" if newer else None,
        "older": f"{MESSAGES.path}/{older[0].id}" if older else None,
        "envelope": [(name, ", ".join(values)) for name, values in people.items() if values],
        "details": [
            ("Accepted", exact(message.received_at)),
            ("By", f"{message.surface.capitalize()} API, domain {message.domain}"),
            ("Message id", message.id),
        ],
        "tags": [
            {"name": tag, "url": f"{MESSAGES.path}?tag={quote(tag, safe='')}"}
            for tag in dict.fromkeys(message.values("o:tag"))
        ],
    }


def _tabs(message: StoredMessage, named: References, deliveries: int) -> list[dict[str, Any]]:
    files = len(message.attachments) + len(message.inline)
    titles: tuple[tuple[str, str, int | None], ...] = (
        ("html", "HTML", None),
        ("text", "Text", None),
        ("markup", "HTML source", None),
        ("headers", "Headers", None),
        ("source", "Source", None),
        ("request", "Request", len(message.fields)),
        ("links", "Links and images", len(named.links) + len(named.images)),
        ("files", "Files", files),
        ("deliveries", "Webhooks", deliveries),
    )
    return [{"name": name, "title": title, "count": count, "url": f"?view={name}"} for name, title, count in titles]


def _part(view: str, request: Request, record: MessageRecord, named: References) -> dict[str, Any]:
    """What one part needs besides the message."""
    message, path = record.message, f"{MESSAGES.path}/{record.id}"
    if view == "html":
        return _html_part(request, path, named)
    if view == "headers":
        return {"headers": headers(message)}
    if view == "source":
        text = source(message).decode("utf-8", "replace")
        return {
            "source": text[:SOURCE_SHOWN],
            "source_cut": SOURCE_SHOWN if len(text) > SOURCE_SHOWN else 0,
            "source_note": "As it was sent" if message.mime else "Composed by the emulator from the request's fields",
            "source_url": f"{path}/source",
        }
    if view == "files":
        return {"files": _files(message, path)}
    return {"references": named, "fields": message.fields}


def _html_part(request: Request, path: str, named: References) -> dict[str, Any]:
    chosen, remote = request.query_params.get("width"), request.query_params.get("remote") == "1"
    width = chosen if chosen in dict(WIDTHS) else "full"
    return {
        "width": width,
        "widths": [{"name": n, "title": title, "url": url_with(request, width=n)} for n, title in WIDTHS],
        "remote": remote,
        "remote_url": url_with(request, remote=None if remote else 1),
        "remote_images": named.remote_images,
        "preview_url": f"{path}/preview?remote=1" if remote else f"{path}/preview",
        "sandbox": preview.SANDBOX,
    }


def _files(message: StoredMessage, path: str) -> list[dict[str, Any]]:
    kinds = ["attachment"] * len(message.attachments) + ["inline"] * len(message.inline)
    files = zip(kinds, (*message.attachments, *message.inline), strict=True)
    return [
        {
            "name": file.name,
            "media_type": file.media_type,
            "kind": kind,
            "size": len(file.content),
            "url": f"{path}/files/{position}",
        }
        for position, (kind, file) in enumerate(files)
    ]
