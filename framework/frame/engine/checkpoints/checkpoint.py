"""Checkpoints: a folder each, written under another name and renamed when whole, read only if its sums are right.

``model.safetensors`` holds the weights, ``ema.safetensors`` their average if there is one, ``state.pt`` what resuming
needs beside them, in tensors and plain types, and ``checkpoint.json`` the sums of the others and what they belong to.
The folder ``shards`` has weights, average and moments as several processes write them, beside the first two or instead.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from hashlib import file_digest
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from frame.engine.checkpoints.weights import EMA_FILE, INDEX_FILE, MODEL_FILE
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor

STATE_FILE, MANIFEST = "state.pt", "checkpoint.json"
FORMAT = 1
_NAME, _UNFINISHED, _REPLACED = "step_", ".writing-", ".replaced-"


@dataclass(frozen=True, slots=True)
class Content:
    """What a checkpoint holds."""

    weights: dict[str, Tensor]
    """Empty if they are written in shards alone; so are the average and ``state["optimizer"]`` then."""
    ema: dict[str, Tensor] | None
    state: dict[str, Any]
    """Tensors, numbers, strings, lists and dicts of them."""
    about: dict[str, Any]
    """For people and other programs: position, figures, config, versions. JSON."""
    in_shards: bool = False
    """Whether processes have written shards into the folder that :func:`begin` made."""


def name(global_step: int) -> str:
    """What the checkpoint after ``global_step`` steps is called; names sort in the order of steps."""
    return f"{_NAME}{global_step:08d}"


class DamagedError(UserError):
    """A checkpoint is not whole."""


def begin(folder: Path, global_step: int) -> Path:
    """Make the folder in which a checkpoint below ``folder`` is written.

    Raises
    ------
    UserError
        If it can't be made.
    """
    unfinished = folder / f"{_UNFINISHED}{name(global_step)}"
    try:
        _remove(unfinished)
        unfinished.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"cannot write checkpoint {folder / name(global_step)}: {error.strerror}") from error
    return unfinished


def save(folder: Path, global_step: int, content: Content) -> Path:
    """Write a checkpoint below ``folder``; returns its own folder, which appears whole or not at all.

    Raises
    ------
    UserError
        If the disk is full or read-only; what was written before is untouched.
    """
    final = folder / name(global_step)
    unfinished, replaced = folder / f"{_UNFINISHED}{final.name}", folder / f"{_REPLACED}{final.name}"
    try:
        if not content.in_shards:
            begin(folder, global_step)
        if content.weights:
            save_file(_contiguous(content.weights), unfinished / MODEL_FILE)
        if content.ema:
            save_file(_contiguous(content.ema), unfinished / EMA_FILE)
        torch.save(content.state, unfinished / STATE_FILE)
        paths = sorted(path for path in unfinished.rglob("*") if path.is_file())
        files = {path.relative_to(unfinished).as_posix(): _digest(path) for path in paths}
        manifest = {"format": FORMAT, "files": files, **content.about}
        (unfinished / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
        for path in (*unfinished.rglob("*"), unfinished):
            _sync(path)
        if final.exists():  # the same step again, an epoch's end after a stop at its last step
            _remove(replaced)
            final.rename(replaced)
        unfinished.rename(final)
        _sync(folder)
        _remove(replaced)
    except (OSError, RuntimeError, SafetensorError) as error:  # a full disk, as torch and safetensors tell of it
        _remove(unfinished)
        cause = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise UserError(f"cannot write checkpoint {final}: {cause}; earlier checkpoints are whole") from error
    return final


def load(path: Path) -> Content:
    """Read a checkpoint.

    Raises
    ------
    DamagedError
        If a file is missing, cut short or altered, or the checkpoint is of another format.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise DamagedError(f"checkpoint {path} is of format {manifest['format']}, this Frame reads {FORMAT}")
        files = dict(manifest["files"])
        in_shards = INDEX_FILE in files and MODEL_FILE not in files
        for file in (STATE_FILE,) if in_shards else (MODEL_FILE, STATE_FILE):
            files.setdefault(file, None)
        for file, digest in files.items():
            if _digest(path / file) != digest:
                raise DamagedError(f"checkpoint {path} is damaged: {file} is not what was written")
        state = torch.load(path / STATE_FILE, map_location="cpu", weights_only=True)
        about = {key: value for key, value in manifest.items() if key not in ("format", "files")}
        if in_shards:
            from frame.engine.checkpoints.shards import read_shards  # half a second of imports, that few runs need

            weights, ema, state["optimizer"] = read_shards(path)
        else:
            weights, ema = load_file(path / MODEL_FILE), load_file(path / EMA_FILE) if EMA_FILE in files else None
        return Content(weights, ema, state, about)
    except OSError as error:
        raise DamagedError(f"checkpoint {path} is damaged: {error.strerror or error}: {error.filename}") from None
    except UnpicklingError:
        raise DamagedError(f"checkpoint {path} holds more than tensors and plain types; not loaded") from None
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, EOFError, SafetensorError) as error:
        cause = str(error).partition("\n")[0]
        raise DamagedError(
            f"checkpoint {path} is damaged and can't be read ({type(error).__name__}: {cause})"
        ) from None


def newest(folder: Path) -> Iterator[Path]:
    """The checkpoints below ``folder``, newest first; unfinished ones are not among them.

    One that was about to be replaced is, where a kill came between two renames.
    """
    found = {path.name.removeprefix(_REPLACED): path for path in folder.glob(f"{_REPLACED}{_NAME}*")}
    found |= {path.name: path for path in folder.glob(f"{_NAME}*")}
    yield from (found[name] for name in sorted(found, reverse=True))


def newest_whole(folder: Path) -> tuple[Path, Content] | None:
    """The newest checkpoint below ``folder`` that is not damaged."""
    for path in newest(folder):
        try:
            return path, load(path)
        except DamagedError:
            continue
    return None


def keep(folder: Path, last: int, also: str | None) -> None:
    """Delete all checkpoints below ``folder`` but the ``last`` newest and the one called ``also``."""
    for path in list(newest(folder))[last:]:
        if path.name != also:
            _remove(path)


def _contiguous(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in weights.items()}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _remove(path: Path) -> None:
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
