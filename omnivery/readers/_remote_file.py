"""A file of fsspec, in an object store for instance."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from attrs import define

from omnivery.readers._origin import Origin
from omnivery.readers._stream import binary


@runtime_checkable
class OpenFile(Protocol):
    """A file that is not open yet, such as `fsspec.open("s3://…")` returns."""

    @property
    def path(self) -> str:
        """Where it is."""
        ...

    def open(self) -> Any:
        """Open it in binary mode."""
        ...


@define(kw_only=True, eq=False)
class RemoteFile(Origin):
    """A file of fsspec."""

    file: OpenFile

    @property
    def waits(self) -> bool:
        return True

    @property
    def size(self) -> int | None:
        fs = getattr(self.file, "fs", None)
        found = fs.size(self.file.path) if fs is not None else None
        return found if isinstance(found, int) else None

    def open(self) -> Any:
        return binary(self.file.open())
