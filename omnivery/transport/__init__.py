"""The shared transport layer: operations, one pipeline for every call, and the adapters below it."""

from __future__ import annotations
