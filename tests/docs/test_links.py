"""Links lead somewhere, on GitHub and in the site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.docs.pages import DOCS, PAGES, anchors, links

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), f"{link}: link to a file, by its name"
        if page.is_relative_to(DOCS):
            assert target.is_relative_to(DOCS), f"{link}: the site holds nothing but docs/"
        if anchor:
            assert anchor in anchors(target), f"{link}: there are {sorted(anchors(target))}"
