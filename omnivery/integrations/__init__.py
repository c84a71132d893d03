"""Ways from and to other tools. Each module needs what it is named for, and loads it only when it is used."""

from __future__ import annotations
