"""Bulk submission: any number of events, cut into batches, sent side by side, every one accounted for."""

from __future__ import annotations
