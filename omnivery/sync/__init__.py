"""The foundation of the synchronous clients: base classes, background event loop, bridge to the caller's thread."""

from __future__ import annotations
