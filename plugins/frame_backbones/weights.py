"""Loading a backbone's weights from a local file."""

from __future__ import annotations

import re
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from frame import UserError

if TYPE_CHECKING:
    from pathlib import Path

WRAPPERS = ("state_dict", "model_state_dict", "model")
# What wrappers put before a name: DataParallel, torch.compile, a whole model, and timm's feature extractors.
PREFIXES = re.compile(r"(?:(?:module|_orig_mod|backbone|net|model|body)\.)+")
# A text file is taken for a pickle, whose first letter says which of these comes of it.
UNREADABLE = (OSError, RuntimeError, ValueError, EOFError, LookupError, UnpicklingError, SafetensorError)


def load_weights(net: nn.Module, path: Path, *, name: str) -> None:
    """Fill ``net`` from a file, wherever it was saved: timm, this backbone, or a model that holds it.

    Names are compared without the prefixes of wrappers and without the difference between ``stages.0`` and timm's
    ``stages_0``. The file may hold more, such as a classifier; it may not hold less.

    Raises
    ------
    UserError
        If the file can't be read, or tensors of ``net`` are missing in it or of another shape.
    """
    found = {_bare(key): value for key, value in _read(path).items() if isinstance(value, Tensor)}
    own = net.state_dict()
    missing = [key for key in own if _bare(key) not in found]
    if missing:
        raise UserError(
            f'backbone.checkpoint: {path} lacks {len(missing)} of the {len(own)} tensors of "{name}", such as '
            f"{_few(missing)} (it holds {_few(list(found)) or 'no tensors'}); give a file of this very model"
        )
    wrong = [
        f"{key} {list(found[_bare(key)].shape)} for {list(value.shape)}"
        for key, value in own.items()
        if found[_bare(key)].shape != value.shape
    ]
    if wrong:
        raise UserError(
            f'backbone.checkpoint: {path} holds {len(wrong)} tensors of another shape than "{name}" has, such as '
            f"{_few(wrong)}; give a file of this very model"
        )
    net.load_state_dict({key: found[_bare(key)] for key in own})


def _read(path: Path) -> dict[str, Any]:
    """The names and tensors in a file, out of the tables that training scripts put around them."""
    try:
        state: Any = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except UNREADABLE as error:
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"backbone.checkpoint: {path} can't be read as weights ({reason}); give a .safetensors file, "
            "or a .pth or .pt file that holds nothing but tensors and plain values"
        ) from error
    while isinstance(state, dict) and (key := next((k for k in WRAPPERS if isinstance(state.get(k), dict)), None)):
        state = state[key]
    return state if isinstance(state, dict) else {}


def _bare(key: str) -> str:
    match = PREFIXES.match(key)
    return key[match.end() if match else 0 :].replace(".", "_")


def _few(items: list[str]) -> str:
    return ", ".join(items[:3])
