"""The adapters: the only modules that import an HTTP library."""

from __future__ import annotations
