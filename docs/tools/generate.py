"""Writes the pages of the reference that follow from the code: commands, tables of a config, components, hooks.

    python docs/tools/generate.py

The pages are committed, so that they can be read without building the site; ``tests/docs`` holds that they are current.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))
import commands
import components
import hooks
import tables

if TYPE_CHECKING:
    from collections.abc import Callable

REFERENCE = Path(__file__).parents[1] / "reference"
PAGES: dict[Path, Callable[[], str]] = {
    REFERENCE / "commands.md": commands.page,
    REFERENCE / "tables.md": tables.page,
    **{REFERENCE / "components" / f"{kind.plural}.md": page for kind, page in components.pages().items()},
    REFERENCE / "components" / "index.md": components.index,
    REFERENCE / "hooks.md": lambda: hooks.with_specifications((REFERENCE / "hooks.md").read_text(encoding="utf-8")),
}


def main() -> None:
    """Write every page."""
    for path, page in PAGES.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
