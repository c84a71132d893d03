"""The shared transport layer: operations, the pipeline of every call, and the adapters below it."""

from __future__ import annotations
