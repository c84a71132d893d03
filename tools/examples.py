"""Write the Python blocks of README and docs pages to modules, one for each page, so that type checkers can read them.

Usage: python tools/examples.py FOLDER
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PAGES = ("README.md", "docs/*.md", "docs/internals/*.md")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def main(folder: Path) -> None:
    """Write one module for each page that has examples."""
    root = Path(__file__).parent.parent
    folder.mkdir(parents=True, exist_ok=True)
    pages = [page for pattern in PAGES for page in sorted(root.glob(pattern))]
    for page in pages:
        blocks = BLOCK.findall(page.read_text("utf-8"))
        if blocks:
            name = page.stem.lower().replace("-", "_")
            (folder / f"example_{name}.py").write_text("\n\n".join(blocks), "utf-8")
            print(f"{page.relative_to(root)}: {len(blocks)} examples")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
