"""What the synchronous clients stand on: base classes, the background event loop, the bridge to the caller's thread."""

from __future__ import annotations
