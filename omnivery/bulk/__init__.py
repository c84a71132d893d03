"""Bulk work: many items through few requests. Knows neither API, no event, no message."""

from __future__ import annotations
