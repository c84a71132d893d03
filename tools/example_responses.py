"""Write the example responses of `omnivery.testing` from the golden files.

Usage: python -m tools.example_responses            writes them
       python -m tools.example_responses --check    writes nothing, and fails when they are not up to date
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden"
WRITTEN = ROOT / "omnivery" / "testing" / "examples.json"


def examples() -> dict[str, dict[str, Any]]:
    """The response of each golden file, by the operation's name."""
    return {path.stem: _example(json.loads(path.read_text("utf-8"))) for path in sorted(GOLDEN.glob("*.json"))}


def _example(golden: dict[str, Any]) -> dict[str, Any]:
    response = golden["response"]
    return {
        "request_type": golden["request"]["content_type"],
        "status": response["status"],
        "content_type": response.get("content_type"),
        # Text is a body as it stands, also where it is JSON: an empty body is the commonest.
        "body": response.get("text", response.get("body", "")),
    }


def main(arguments: Sequence[str]) -> int:
    """Write or check the file; the exit status."""
    text = json.dumps(examples(), ensure_ascii=False, indent=1) + "\n"
    if "--check" not in arguments:
        WRITTEN.write_text(text, "utf-8")
        return 0
    if WRITTEN.is_file() and WRITTEN.read_text("utf-8") == text:
        return 0
    print(f"{WRITTEN.name} is not up to date: run `python -m tools.example_responses`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
