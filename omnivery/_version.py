"""The version, in one place: the build, the User-Agent header and the command line all read it here."""

from __future__ import annotations

__version__ = "0.1.0"
