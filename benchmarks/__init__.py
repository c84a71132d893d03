"""Measurements of the SDK against yardsticks that run beside it, on this machine and over loopback only."""

from __future__ import annotations
