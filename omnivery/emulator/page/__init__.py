"""The emulator's page for people."""

from __future__ import annotations
