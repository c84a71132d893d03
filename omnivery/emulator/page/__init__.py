"""The emulator's web page."""

from __future__ import annotations
