"""Plugin folders, entry points, import contracts and a built wheel agree."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = {path.name for path in (ROOT / "plugins").iterdir() if path.name.startswith("frame_")}


def test_every_plugin_folder_has_an_entry_point() -> None:
    entries = PROJECT["project"]["entry-points"]["frame.plugins"]
    assert entries == {folder.removeprefix("frame_"): f"{folder}.plugin" for folder in FOLDERS}


def test_the_linters_know_every_package() -> None:
    packages = {"frame", *FOLDERS}
    assert set(PROJECT["tool"]["mypy"]["packages"]) == packages
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == packages
    for contract in PROJECT["tool"]["importlinter"]["contracts"]:
        for key in ("forbidden_modules", "modules", "source_modules"):
            names = {name for name in contract.get(key, ()) if name.startswith("frame_")}
            assert names in (set(), FOLDERS), contract["name"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_a_wheel_holds_every_module_and_nothing_else(wheel) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {
        path.relative_to(ROOT / room).as_posix()
        for room in ("framework", "plugins")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and not {"__pycache__", ".ruff_cache"} & set(path.parts)
    }
    assert held == sources
