"""A run on disk: written as it goes, resumed after a crash, read while it runs or later."""

from __future__ import annotations
