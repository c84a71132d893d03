"""Messages in the control API: the list, one, its parts, and their deletion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.control import shapes
from omnivery.emulator.control.parameters import WINDOW, check_names, filters_of, read_query, read_window
from omnivery.emulator.message import StoredFile
from omnivery.emulator.records.messages import MessageQuery, MessageRecord, MessageSummary
from omnivery.emulator.records.window import Window
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import Route, json_response
from omnivery.emulator.state import State

SEALED = {
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
}
"""Lets a browser show a part of a message without letting it do anything: it comes from outside."""
MOST_BYTES = 32 * 2**20
"""Bytes of messages, with their files, at which a list ends, whatever its limit."""
LARGEST_ID = 18
"""Most digits of a record's id."""


async def show_list(request: Request, state: State) -> Response:
    """Return the number of messages accepted, and the newest of them, with their files' names, types and sizes."""
    values = request.query_params
    check_names(values, (*filters_of(MessageQuery), *WINDOW))
    query, window = read_query(values, MessageQuery), read_window(values)
    return json_response(await to_thread.run_sync(_page, state, query, window))


async def show(request: Request, state: State) -> Response:
    """Return one message."""
    return json_response(shapes.message(_found(request, state)))


async def show_html(request: Request, state: State) -> Response:
    """Return the HTML of a message, sealed: a browser shows it, and runs and loads nothing."""
    return _text(_found(request, state).message.html, "text/html", "HTML")


async def show_text(request: Request, state: State) -> Response:
    """Return the plain text of a message."""
    return _text(_found(request, state).message.text, "text/plain", "plain text")


async def show_mime(request: Request, state: State) -> Response:
    """Return the MIME text of a message that was sent as one."""
    record = _found(request, state)
    if record.message.mime is None:
        raise Refusal("This message was not sent as MIME: it is made of the fields of a form", status=404)
    return _download(record.message.mime, f"message-{record.id}.eml", "message/rfc822")


async def show_attachment(request: Request, state: State) -> Response:
    """Return the content of an attachment, by its place from 0."""
    return _file(request, _found(request, state).message.attachments)


async def show_inline(request: Request, state: State) -> Response:
    """Return the content of an inline file, by its place from 0."""
    return _file(request, _found(request, state).message.inline)


async def delete(request: Request, state: State) -> Response:
    """Delete one message."""
    state.store.messages.delete(_found(request, state).id)
    return json_response({"message": "The message is deleted"})


async def delete_all(_request: Request, state: State) -> Response:
    """Delete the stored messages, and nothing else."""
    state.store.forget_messages()
    return json_response({"message": "The messages are deleted"})


def _page(state: State, query: MessageQuery, window: Window) -> dict[str, Any]:
    found = state.store.messages.find(query, window)
    chosen = within_bytes(found.records, window)
    # One after the other, because reading a message reads its files.
    shown = [shapes.message(record) for each in chosen if (record := state.store.messages.get(each.id))]
    return {
        "count": state.store.statistics.messages,
        "messages": shown,
        "more": found.more or len(chosen) < len(found.records),
    }


def within_bytes(newest_first: Sequence[MessageSummary], window: Window) -> list[MessageSummary]:
    """Return the first messages of a window, oldest first, that are together not too large for one response."""
    chosen: list[MessageSummary] = []
    size = 0
    for each in reversed(newest_first) if window.is_forward else newest_first:
        size += each.size
        if chosen and size > MOST_BYTES:
            break
        chosen.append(each)
    return chosen if window.is_forward else chosen[::-1]


def _found(request: Request, state: State) -> MessageRecord:
    """Return the message of a path, by its record's id or its own.

    Raises:
        Refusal: there is none.
    """
    name, records = request.path_params["message"], state.store.messages
    if name.isascii() and name.isdecimal() and len(name) <= LARGEST_ID:
        record = records.get(int(name))
    else:
        newest = records.find(MessageQuery(message_id=name), Window(limit=1)).records
        record = records.get(newest[0].id) if newest else None
    if record is None:
        raise Refusal("There is no such message, or it is no longer kept", status=404)
    return record


def _text(text: str | None, media_type: str, kind: str) -> Response:
    if text is None:
        raise Refusal(f"This message has no {kind}", status=404)
    return Response(text.encode("utf-8", "replace"), media_type=f"{media_type}; charset=utf-8", headers=SEALED)


def _file(request: Request, files: tuple[StoredFile, ...]) -> Response:
    place = request.path_params["place"]
    if not (place.isascii() and place.isdecimal() and len(place) <= LARGEST_ID and int(place) < len(files)):
        raise Refusal("This message has no such file", status=404)
    file = files[int(place)]
    return _download(file.content, file.name, "application/octet-stream")


def _download(content: bytes, name: str, media_type: str) -> Response:
    # Never with the type that the sender chose: a browser must not take it for a page or a script of ours.
    disposition = f"attachment; filename*=UTF-8''{quote(name.encode('utf-8', 'replace'), safe='')}"
    return Response(content, media_type=media_type, headers={**SEALED, "content-disposition": disposition})


ROUTES = (
    Route("messages", "GET", "/_/messages", show_list),
    Route("messages", "DELETE", "/_/messages", delete_all),
    Route("messages", "GET", "/_/messages/{message}", show),
    Route("messages", "DELETE", "/_/messages/{message}", delete),
    Route("messages", "GET", "/_/messages/{message}/html", show_html),
    Route("messages", "GET", "/_/messages/{message}/text", show_text),
    Route("messages", "GET", "/_/messages/{message}/mime", show_mime),
    Route("messages", "GET", "/_/messages/{message}/attachments/{place}", show_attachment),
    Route("messages", "GET", "/_/messages/{message}/inline/{place}", show_inline),
)
