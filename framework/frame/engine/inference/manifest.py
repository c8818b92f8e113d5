"""The note in a folder of predictions that says whose they are, so that two models' are never mixed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from frame.engine.checkpoints.weights import digest
from frame.engine.inference.outputs import ENDS, KINDS, write_whole
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from frame.engine.inference.outputs import Job, Outputs
    from frame.engine.inference.predictor import Predictor

MANIFEST, FORMAT = "predict.json", 1


def claim(outputs: Outputs, predictor: Predictor, jobs: Sequence[Job], *, overwrite: bool) -> None:
    """Note in the folder whose predictions it holds.

    Raises
    ------
    UserError
        If it holds those of another model or other settings, files that Frame has not written, or can't be written.
    """
    path, about = outputs.folder / MANIFEST, _about(outputs, predictor)
    before = _read(path)
    if before is None:
        _refuse_strangers(outputs.folder, jobs)
        before = {"files": {}}
    elif differing := _differences(before, about):
        text = "; ".join(f"{key} {old}, now {new}" for key, old, new in differing)
        if not overwrite:
            raise UserError(
                f"{outputs.folder} holds other predictions ({text}): choose another folder with -o, or --overwrite"
            )
        if left := _others(outputs, jobs):
            raise UserError(
                f"{outputs.folder} holds other predictions ({text}), and {len(left)} of them, such as {left[0]}, are "
                "of images that are not among these: choose another folder with -o, or delete it"
            )
        _remove(outputs, jobs)
    about["files"] = before.get("files", {}) | about["files"]
    write_whole(path, (json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode())


def _about(outputs: Outputs, predictor: Predictor) -> dict[str, Any]:
    threshold = {} if outputs.classes else {"threshold": outputs.style.threshold}
    return {
        "format": FORMAT,
        "checkpoint": str(predictor.saved.path),
        "digest": digest(predictor.saved.weights),
        "weights": predictor.saved.which,
        "size": predictor.size,
        "flips": predictor.flips,
        "scales": list(predictor.scales),
        "classes": {
            name: "#{:02x}{:02x}{:02x}".format(*outputs.style.colours[index])
            for index, name in enumerate(outputs.classes)
        },
        "files": {kind: {} if kind == "probability" else threshold for kind in outputs.kinds},
    }


def _differences(before: dict[str, Any], about: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    keys = [key for key in ("digest", "weights", "size", "flips", "scales") if before.get(key) != about[key]]
    if "digest" in keys:
        keys[keys.index("digest")] = "checkpoint"
    found = [(key, before.get(key), about[key]) for key in keys]
    for kind, settings in about["files"].items():
        old = before.get("files", {}).get(kind, settings)
        found += [(f"{kind}'s {key}", old.get(key), new) for key, new in settings.items() if old.get(key) != new]
    return found


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise UserError(f"{path} is not a note that this Frame has written: choose another folder with -o")
    return found


def _refuse_strangers(folder: Path, jobs: Iterable[Job]) -> None:
    stranger = next((path for job in jobs for path in job.files.values() if os.path.lexists(path)), None)
    if stranger:
        raise UserError(
            f"{stranger} is there, but {folder} has no {MANIFEST}, so Frame did not write it: choose another -o"
        )


def _remove(outputs: Outputs, jobs: Iterable[Job]) -> None:
    """Before the note names another model: what a stop leaves of the old one's would pass for the new one's."""
    try:
        for job in jobs:
            for path in job.files.values():
                path.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {error.filename or outputs.folder}: {error.strerror or error}") from None


def _others(outputs: Outputs, jobs: Iterable[Job]) -> list[Path]:
    """Predictions in the folder that are not written by these jobs."""
    written = {path for job in jobs for path in job.files.values()}
    there = (path for kind in KINDS for path in (outputs.folder / kind).rglob("*") if path.suffix in ENDS)
    return sorted(path for path in there if path not in written)
