"""The tabs of the site, made of the folders of docs/: a new page is in the navigation as soon as it is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def navigation(docs: Path, tabs: dict[str, list[str]]) -> list[Any]:
    """The navigation as mkdocs.yml would say it: the home page, then a tab for each folder.

    ``tabs`` gives for each tab its folder and the names of the pages, or of folders of pages, that come first.
    """
    found: list[Any] = [{"Home": "index.md"}]
    for tab, (folder, *first) in tabs.items():
        found.append({tab: _section(docs, docs / folder, first)})
    return found


def _section(docs: Path, folder: Path, first: list[str]) -> list[Any]:
    def place(path: Path) -> tuple[int, str]:
        return (first.index(path.stem) if path.stem in first else len(first), path.stem)

    pages: list[Any] = []
    for path in sorted(folder.iterdir(), key=place):
        if path.is_dir():
            pages.append({path.name.replace("-", " ").capitalize(): _section(docs, path, first)})
        elif path.suffix == ".md":
            pages.append(path.relative_to(docs).as_posix())
    return pages


def on_config(config: Any) -> Any:
    """Called by mkdocs."""
    config.nav = navigation(Path(config.docs_dir), config.extra["tabs"])
    return config
