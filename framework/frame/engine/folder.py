"""The run folder: the resolved config, the versions of all parts, checkpoints, and what callbacks write."""

from __future__ import annotations

import glob
import json
import platform
import tomllib
from itertools import count
from typing import TYPE_CHECKING, Any

import torch

from frame.plugin.errors import UserError
from frame.plugin.host import own_version

if TYPE_CHECKING:
    from pathlib import Path

    from frame.config.run import Run

CONFIG, COMPONENTS, CHECKPOINTS, RESULT = "config.toml", "components.json", "checkpoints", "result.json"


def make_folder(run: Run) -> Path:
    """A new folder ``<run.folder>/<name>``, with a number if that name is taken, holding config and versions.

    Raises
    ------
    UserError
        If it can't be written.
    """
    try:
        run.run.folder.mkdir(parents=True, exist_ok=True)
        folder = _first_free(run.run.folder, run.name)
        (folder / CONFIG).write_text(run.to_toml(), encoding="utf-8")
        (folder / COMPONENTS).write_text(json.dumps(versions(run), indent=2), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"cannot write the run folder in {run.run.folder.absolute()}: {error.strerror}; "
            f"choose another with --set run.folder=DIR"
        ) from None
    return folder


def latest_folder(run: Run) -> Path | None:
    """The newest folder that a run of this name has made, if there is one."""
    return next(reversed(folders(run)), None)


def folders(run: Run) -> list[Path]:
    """The folders that runs of this name have made, the oldest first."""
    found = [path for path in run.run.folder.glob(f"{glob.escape(run.name)}*") if _is_of(path, run.name)]
    return sorted(found, key=lambda path: _number(path, run.name))


def _is_of(path: Path, name: str) -> bool:
    """Whether a folder is of a run of this name: ``exp-2`` may be of the run ``exp`` or of one called ``exp-2``."""
    if not _number(path, name):
        return False
    try:
        own = str(tomllib.loads((path / CONFIG).read_text(encoding="utf-8"))["run"]["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return True
    return own == name or not _number(path, own)  # or a folder that was given another name


def _number(path: Path, name: str) -> int:
    """1 for ``name``, k for ``name-k``, 0 for anything else."""
    rest = path.name.removeprefix(name)
    if not rest:
        return 1
    return int(rest[1:]) if rest[0] == "-" and rest[1:].isdigit() else 0


def _first_free(parent: Path, name: str) -> Path:
    for number in count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError


def versions(run: Run) -> dict[str, Any]:
    """What took part in a run: Frame, Python and torch, and each component with its plugin and version."""
    components = {
        (part.kind.value, part.entry.qualified_name): {
            "kind": part.kind.value,
            "name": part.entry.qualified_name,
            "distribution": part.entry.plugin.source.name,
            "version": part.entry.plugin.source.version,
        }
        for part in run.parts()
        if part.entry is not None
    }
    return {
        "frame-seg": own_version(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "components": list(components.values()),
    }
