"""Reading what a run has saved: the weights, and the config that says what they belong to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from safetensors import SafetensorError, safe_open

from frame.engine.checkpoints import checkpoint
from frame.engine.checkpoints.weights import read_weights
from frame.engine.folder import CHECKPOINTS
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from frame.engine.checkpoints.checkpoint import Content

Which = Literal["measured", "ema", "raw"]
"""Of a checkpoint's weights: those that its figures were measured on, their average, or those that were trained."""
METADATA = "frame"


class Saved(NamedTuple):
    """A trained model's weights and what is known of them."""

    path: Path
    weights: dict[str, Tensor]
    which: str
    """``"ema"`` for the average over the run, ``"raw"`` for the weights themselves."""
    about: dict[str, Any]
    """What the checkpoint says of itself: ``config``, ``classes``, ``metrics``, ``measured_on``, ``versions`` ..."""

    @property
    def config(self) -> dict[str, Any]:
        """The run's config, every default written out."""
        return self.about["config"]  # type: ignore[no-any-return]


def read_saved(path: Path, which: Which = "measured") -> Saved:
    """What lies at ``path``: a checkpoint, a run's folder, of which the best is taken, or an exported file.

    Raises
    ------
    UserError
        If there is none of these, it is damaged, or holds no average and that was asked for.
    """
    if path.is_file():
        return _bundle(path, which)
    if not path.is_dir():
        raise UserError(
            f"there is no {path}: give a run's folder, a checkpoint in it, or an exported .safetensors file"
        )
    if (path / checkpoint.MANIFEST).exists():
        return _chosen(path, checkpoint.load(path), which)
    found = checkpoint.newest_whole(path / CHECKPOINTS)
    if found is None:
        raise UserError(f"{path} holds no whole checkpoint: give a run's folder, or a folder in its {CHECKPOINTS}")
    newest, content = found
    best = content.state["progress"]["best"]
    if best and best != newest.name:
        newest, content = newest.with_name(best), checkpoint.load(newest.with_name(best))
    return _chosen(newest, content, which)


def _chosen(path: Path, content: Content, which: Which) -> Saved:
    chosen = content.about["measured_on"] if which == "measured" else which
    if chosen == "ema" and content.ema is None:
        raise UserError(f"{path} holds no average of the weights (train.ema was not set): take the raw ones")
    weights = content.ema if chosen == "ema" else content.weights
    return Saved(path, weights or {}, chosen, content.about)


def _bundle(path: Path, which: Which) -> Saved:
    """An exported file: weights with what the checkpoint said of itself in the file's own metadata."""
    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(METADATA)
        about = json.loads(text) if text else None
    except (OSError, SafetensorError, ValueError) as error:
        raise UserError(f"{path} is damaged or no safetensors file: {str(error).partition(chr(10))[0]}") from None
    if about is None:
        raise UserError(f"{path} holds weights but no config: give a checkpoint, or a file that 'frame export' wrote")
    if which not in ("measured", about["exported"]):
        raise UserError(f"{path} holds the {about['exported']} weights alone, not the {which} ones")
    return Saved(path, read_weights(path), about["exported"], about)
