"""Checkpoints: a folder each, written under another name and renamed when whole."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from safetensors.torch import save_file

from frame.engine.weights import MODEL_FILE
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

MANIFEST = "checkpoint.json"
_UNFINISHED = ".writing-"


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a run a checkpoint was taken."""

    stage: str
    epoch: int
    """Epochs finished in the stage."""
    global_step: int


def save(
    folder: Path, position: Position, weights: Mapping[str, Tensor], metrics: Mapping[str, float], about: dict[str, Any]
) -> Path:
    """Write one checkpoint below ``folder``; returns its own folder, which appears whole or not at all.

    ``about`` is recorded beside the position and the figures: the config and the components' versions.

    Raises
    ------
    UserError
        If the disk is full or read-only; what was written before is untouched.
    """
    final = folder / f"step_{position.global_step:08d}"
    unfinished = folder / f"{_UNFINISHED}{final.name}"
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, unfinished / MODEL_FILE)
        digest = sha256((unfinished / MODEL_FILE).read_bytes()).hexdigest()
        manifest = {
            "position": asdict(position),
            "metrics": dict(metrics),
            "measured_on": "raw",
            "files": {MODEL_FILE: {"sha256": digest}},
            **about,
        }
        (unfinished / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
        for name in (MODEL_FILE, MANIFEST):
            _sync(unfinished / name)
        shutil.rmtree(final, ignore_errors=True)
        unfinished.rename(final)
        _sync(folder)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise UserError(f"cannot write checkpoint {final}: {error.strerror}; earlier checkpoints are whole") from error
    return final


def keep(folder: Path, kept: set[Path]) -> None:
    """Delete the checkpoints below ``folder`` that are not in ``kept``."""
    for path in folder.glob("step_*"):
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _sync(path: Path) -> None:
    """Wait until a file or a folder's entries are on the disk."""
    if path.is_dir() and os.name == "nt":
        return  # a folder can't be opened there
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
