"""Attachments: files that are sent with a message."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from attrs import Attribute, Factory, field, frozen

from omnivery.errors import ConfigError
from omnivery.transport.multipart import FileContent

UNKNOWN_TYPE = "application/octet-stream"


# Checked by converters, not validators: the defaults of later fields read these two before any validator runs.


def _file_name(name: str) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ConfigError("Attachment(name=…) takes the file's name as its recipients see it")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ConfigError(
            "Attachment(name=…): this file's name is not valid text on this system; pass a name of your own"
        ) from None
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
    """A file that is sent with a message, as an attachment or inline.

    The file is read when the message is sent, 64 kB at a time, so a large file is never whole in memory. Each attempt
    reads it again from the start; a file whose size has changed since the first attempt is a ConfigError.

    HTML refers to an inline file by its name: `<img src="cid:logo.png">`.

    Raises:
        ConfigError: an argument is invalid. A path that cannot be read is found only when the message is sent.
    """

    name: str = field(converter=_file_name)
    """File name as recipients see it; any Unicode letters."""
    content: FileContent = field(repr=False, converter=_rewindable)
    """The content as bytes, a path, or an open binary file that is read from its current position. The SDK does not
    close such a file. Several messages may share it, several threads may not."""
    content_type: str = field(
        default=Factory(lambda self: guess_type(self.name), takes_self=True), validator=_is_a_header_value
    )
    """Media type; guessed from the name if left out. Guessed text types get `charset=utf-8`."""
    start: int = field(init=False, repr=False, default=Factory(lambda self: _position(self.content), takes_self=True))
    """Position in an open file at which its content begins."""

    @classmethod
    def from_path(
        cls, path: str | os.PathLike[str], *, name: str | None = None, content_type: str | None = None
    ) -> Attachment:
        """Attach a file on disk; it is opened when the message is sent.

        Args:
            path: path of the file.
            name: file name as recipients see it; the last part of the path if left out.
            content_type: media type; guessed from the name if left out.

        Raises:
            ConfigError: an argument is invalid.
        """
        where = Path(path)
        shown = name or where.name
        return cls(name=shown, content=where, content_type=content_type or guess_type(shown))


def guess_type(name: str) -> str:
    """Guess the media type of a file name: `application/octet-stream` if unknown; text is assumed to be UTF-8."""
    import mimetypes  # reads the system's tables at first use

    found, compression = mimetypes.guess_type(name)
    if found is None or compression:
        return UNKNOWN_TYPE
    return f"{found}; charset=utf-8" if found.startswith("text/") else found


def _position(content: FileContent) -> int:
    return 0 if isinstance(content, bytes | os.PathLike) else content.tell()
