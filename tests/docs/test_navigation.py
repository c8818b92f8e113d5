"""The navigation of the site: made of folders, so that a page can't be forgotten."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.docs.pages import DOCS, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


def tabs() -> dict[str, list[str]]:
    """``extra.tabs`` of mkdocs.yml, which no parser of the test environment reads whole."""
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    block = re.search(r"^  tabs:\n((?: {4,}.*\n)+)", text, re.MULTILINE)
    assert block
    found: dict[str, list[str]] = {}
    for line in block[1].splitlines():
        name, _, rest = line.strip().partition(":")
        if line.strip().startswith("- "):
            found[list(found)[-1]].append(line.strip().removeprefix("- "))
        else:
            found[name] = [each.strip() for each in rest.strip(" []").split(",")] if rest else []
    return found


def paths(entries: Any) -> Iterator[str]:
    if isinstance(entries, str):
        yield entries
    elif isinstance(entries, dict):
        for each in entries.values():
            yield from paths(each)
    else:
        for each in entries:
            yield from paths(each)


@pytest.fixture
def navigation():
    spec = importlib.util.spec_from_file_location("tabs_of_docs", DOCS / "tools" / "tabs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.navigation


def test_every_page_is_in_the_navigation_once(navigation) -> None:
    pages = sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))
    assert sorted(paths(navigation(DOCS, tabs()))) == pages


def test_a_new_page_joins_its_tab_after_those_that_are_named(navigation, tmp_path) -> None:
    for name in ("b", "a", "first"):
        (tmp_path / "how-to").mkdir(exist_ok=True)
        (tmp_path / "how-to" / f"{name}.md").touch()
    made = navigation(tmp_path, {"How-to": ["how-to", "first", "not-there"]})
    assert made == [{"Home": "index.md"}, {"How-to": ["how-to/first.md", "how-to/a.md", "how-to/b.md"]}]


def test_the_tabs_are_the_four_of_diataxis() -> None:
    assert list(tabs()) == ["Tutorials", "How-to", "Reference", "Explanation"]


def test_the_site_builds_and_asks_no_other_server(tmp_path) -> None:
    pytest.importorskip("mkdocs", reason="pip install -e '.[docs]'")
    pytest.importorskip("material", reason="pip install -e '.[docs]'")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:link|script|img|iframe)\b[^>]*\b(?:href|src)=\"(https?:[^\"]+)", text)
        assert loaded == [], page
    contracts = (tmp_path / "reference" / "contracts" / "index.html").read_text(encoding="utf-8")
    assert 'id="frame.contracts.model.Head.__call__"' in contracts
    assert ":class:" not in contracts
