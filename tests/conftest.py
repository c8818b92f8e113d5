"""Fixtures that several rooms use."""

from __future__ import annotations

import os
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the models are small: threads would only wait for each other

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    Install = Callable[..., Path]


def write_distribution(
    site: Path,
    distribution: str,
    plugin: str,
    source: str,
    version: str = "1.0",
    headers: Sequence[str] = (),
    module: str | None = None,
    entry: str | None = None,
) -> None:
    """A module beside a dist-info folder, as pip would leave them in ``site``."""
    module = module or f"frame_{plugin}"
    (site / f"{module}.py").write_text(dedent(source))
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    headers = ["Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}", *headers]
    (info / "METADATA").write_text("\n".join([*headers, ""]))
    (info / "entry_points.txt").write_text(f"[frame.plugins]\n{plugin} = {entry or module}\n")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution as pip would leave it: a module beside a dist-info folder with real metadata.

    ``install("frame-acme", "acme", "source of the module")``; the module is called ``frame_<plugin>``, unless
    ``entry`` names another.
    """
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    before = set(sys.modules)

    def write(
        distribution: str,
        plugin: str,
        source: str,
        *,
        version: str = "1.0",
        requires: tuple[str, ...] = (),
        extras: tuple[str, ...] = (),
        module: str | None = None,
        entry: str | None = None,
    ) -> Path:
        headers = [f"Requires-Dist: {each}" for each in requires] + [f"Provides-Extra: {each}" for each in extras]
        write_distribution(site, distribution, plugin, source, version, headers, module, entry)
        return site

    yield write
    for name in set(sys.modules) - before:
        if str(site) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
