"""The reference page is the one that the checks' docstrings make."""

from __future__ import annotations

from pathlib import Path

from frame.plugin.component import Kind
from frame.testing import checks_of
from frame.testing.reference import markdown

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "checks.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == markdown(), "python -m frame.testing.reference > docs/reference/checks.md"


def test_every_check_is_on_it() -> None:
    text = PAGE.read_text()
    for kind in Kind:
        assert all(f"**`{check.__name__}`**" in text for check in checks_of(kind))
