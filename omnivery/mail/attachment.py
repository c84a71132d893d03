"""Attachments: files that travel with a message."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from attrs import Attribute, Factory, field, frozen

from omnivery.errors import ConfigError
from omnivery.transport.multipart import FileContent

UNKNOWN_TYPE = "application/octet-stream"


# Checked by converters, because the defaults of the fields that follow read these two before any validator runs.


def _file_name(name: str) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ConfigError("Attachment(name=…) takes the file's name as its recipients see it")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ConfigError("Attachment(name=…): this file's name is no text on this system; name it yourself") from None
    return name


def _rewindable(content: FileContent) -> FileContent:
    if isinstance(content, bytes | os.PathLike):
        return content
    if isinstance(content, str | io.TextIOBase) or not hasattr(content, "read"):
        raise ConfigError(
            f"Attachment(content=…) takes bytes, a pathlib.Path or a file opened in binary mode, "
            f"not {type(content).__name__}"
        )
    try:
        rewindable = content.seekable() and content.tell() >= 0
    except Exception as error:
        raise ConfigError(f"Attachment(content=…): this file cannot be used ({type(error).__name__})") from error
    if not rewindable:
        raise ConfigError(
            "Attachment(content=…): this file cannot be rewound, which a second attempt needs; give content=file.read()"
        )
    return content


def _is_a_header_value(_instance: object, _attribute: Attribute[Any], content_type: object) -> None:
    sound = isinstance(content_type, str) and "/" in content_type
    if not (sound and str(content_type).isascii() and str(content_type).isprintable()):
        raise ConfigError("Attachment(content_type=…) takes a media type such as text/csv; charset=utf-8")


@frozen(kw_only=True)
class Attachment:
    """A file that travels with a message, as an attachment or inline.

    Nothing is read before the message is sent, and then 64 kB at a time: a large file is never in memory as a whole.
    Every attempt reads it anew from its start; if its size has changed by then, that is a ConfigError.

    An inline file is referred to in the HTML by its name: `<img src="cid:logo.png">`.

    Raises:
        ConfigError: an argument that cannot be. A path that cannot be read shows only when the message is sent.
    """

    name: str = field(converter=_file_name)
    """The file's name as recipients see it; letters of any alphabet."""
    content: FileContent = field(repr=False, converter=_rewindable)
    """Its bytes; a path; or an open binary file, whose content begins where it stands now. Such a file stays yours to
    close. Messages may share it, threads may not."""
    content_type: str = field(
        default=Factory(lambda self: guess_type(self.name), takes_self=True), validator=_is_a_header_value
    )
    """Media type; guessed from the name when left out, and then in UTF-8 if it is text."""
    start: int = field(init=False, repr=False, default=Factory(lambda self: _position(self.content), takes_self=True))
    """Where the content of an open file begins."""

    @classmethod
    def from_path(
        cls, path: str | os.PathLike[str], *, name: str | None = None, content_type: str | None = None
    ) -> Attachment:
        """A file on disk, opened only when it is sent.

        Args:
            path: where it is.
            name: its name as recipients see it; the path's last part when left out.
            content_type: its media type; guessed from the name when left out.

        Raises:
            ConfigError: an argument that cannot be.
        """
        where = Path(path)
        shown = name or where.name
        return cls(name=shown, content=where, content_type=content_type or guess_type(shown))


def guess_type(name: str) -> str:
    """The media type for a file name, `application/octet-stream` for an unknown one; text is taken for UTF-8."""
    import mimetypes  # reads the system's tables at first use

    found, compression = mimetypes.guess_type(name)
    if found is None or compression:
        return UNKNOWN_TYPE
    return f"{found}; charset=utf-8" if found.startswith("text/") else found


def _position(content: FileContent) -> int:
    return 0 if isinstance(content, bytes | os.PathLike) else content.tell()
