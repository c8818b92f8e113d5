"""A trained model as one file. It is read back and compared with the model before it is where it should be."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from safetensors.torch import save

from frame.engine.checkpoints.weights import digest
from frame.engine.inference import as_onnx
from frame.engine.inference.predictor import load
from frame.engine.inference.saved import METADATA, read_saved
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from frame.engine.inference.predictor import Predictor
    from frame.engine.inference.saved import Saved, Which
    from frame.plugin.catalog import Catalog

Format = Literal["onnx", "safetensors"]
FORMATS: tuple[Format, ...] = get_args(Format)


class Exported(NamedTuple):
    """What was written."""

    path: Path
    format: Format
    which: str
    """``"ema"`` or ``"raw"``."""
    lines: tuple[str, ...]
    """What a person should know of it: how it was compared, and what it takes."""


def export(
    checkpoint: str | Path,
    path: Path,
    *,
    form: Format | None = None,
    weights: Which = "measured",
    plugins: Catalog | None = None,
) -> Exported:
    """Write a model as ONNX or safetensors, by ``form`` or the suffix of ``path``.

    A safetensors file holds the weights and what the checkpoint says of itself: :func:`frame.load` reads it, and
    nothing of the optimizer is in it. An ONNX file takes images ``[B, 3, H, W]`` of RGB from 0 to 1, and gives
    probabilities ``[B, K, H, W]``.

    Raises
    ------
    UserError
        If the checkpoint can't be read, the format is not known, what ONNX needs is not installed, the model can't be
        made into a graph, or the file can't be written.
    DifferentError
        If what was written gives other predictions.
    """
    form = form or _by_suffix(path)
    if form == "onnx":
        as_onnx.require()  # before the checkpoint is read
    predictor = load(checkpoint, weights=weights, device="cpu", plugins=plugins)
    about = predictor.saved.about | {"classes": list(predictor.classes), "exported": predictor.saved.which}
    text = json.dumps(about, ensure_ascii=False)
    # where it is compared; its suffix says what it is
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{form}")
    write = as_onnx.write if form == "onnx" else _safetensors
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lines = write(predictor, text, unfinished)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None
    return Exported(path, form, predictor.saved.which, lines)


def _by_suffix(path: Path) -> Format:
    found = next((form for form in FORMATS if path.suffix.lower() == f".{form}"), None)
    if found is None:
        raise UserError(f"{path} ends neither in .onnx nor in .safetensors: say which it is with --format")
    return found


def _safetensors(predictor: Predictor, about: str, path: Path) -> tuple[str, ...]:
    saved: Saved = predictor.saved
    tensors: dict[str, Any] = {name: tensor.contiguous() for name, tensor in saved.weights.items()}
    path.write_bytes(save(tensors, metadata={METADATA: about}))  # save_file makes it unreadable for others
    if digest(read_saved(path).weights) != digest(saved.weights):
        raise as_onnx.DifferentError(
            f"{path.name}: the weights that were read back are not those that were written; not kept"
        )
    count = sum(tensor.numel() for tensor in tensors.values())
    return (f"{count / 1e6:.2f} M values, read back and equal to the bit; frame.load reads it",)
