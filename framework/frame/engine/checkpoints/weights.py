"""Reading weights from files, Frame's own and others', never unpickling more than tensors and plain types."""

from __future__ import annotations

import pickle
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

MODEL_FILE, EMA_FILE = "model.safetensors", "ema.safetensors"
SHARDS, INDEX = "shards", ".metadata"
INDEX_FILE = f"{SHARDS}/{INDEX}"
_WRAPPERS = ("model_state_dict", "state_dict", "model")
_PREFIXES = ("module.", "_orig_mod.")


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights in a checkpoint folder, a ``.safetensors`` file, or a file of ``torch.save``, on the CPU.

    Of a checkpoint, those that its figures were measured on: the average, if there is one. A dict of tensors may lie
    under ``model_state_dict``, ``state_dict`` or ``model``; prefixes that wrappers leave at the start of names
    (``module.``, ``_orig_mod.``) are taken off.

    Raises
    ------
    UserError
        If the file is missing, damaged, or holds something other than weights.
    """
    file = path
    if path.is_dir():
        file = path / (EMA_FILE if (path / EMA_FILE).exists() else MODEL_FILE)
    try:
        if path.is_dir() and not file.exists() and (path / INDEX_FILE).exists():
            from frame.engine.checkpoints.shards import read_shards  # half a second of imports, that few runs need

            weights, average, _ = read_shards(path)
            found: Any = average or weights
        elif file.suffix == ".safetensors":
            found = load_file(file)
        else:
            found = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"cannot read weights {file}: {error.strerror or error}") from None
    except pickle.UnpicklingError:
        raise UserError(
            f"{file} holds Python objects beside tensors, and those could run code; "
            f"save the state_dict alone: torch.save(model.state_dict(), FILE)"
        ) from None
    except (SafetensorError, RuntimeError, ValueError, EOFError, LookupError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__  # an empty file's has no text
        raise UserError(f"{file} is damaged or holds no weights: {reason}") from None
    while isinstance(found, dict) and (
        inner := next((key for key in _WRAPPERS if isinstance(found.get(key), dict)), None)
    ):
        found = found[inner]
    if not isinstance(found, dict) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise UserError(f"{file} holds no state_dict: expected names with tensors")
    return {_unprefixed(name): value for name, value in found.items()}


def digest(weights: Mapping[str, Tensor]) -> str:
    """A SHA-256 of names and values, the same wherever they are stored."""
    found = sha256()
    for name, tensor in sorted(weights.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


def _unprefixed(name: str) -> str:
    while prefix := next((each for each in _PREFIXES if name.startswith(each)), None):
        name = name[len(prefix) :]
    return name


def load_into(model: nn.Module, weights: dict[str, Tensor], origin: Path) -> None:
    """Load strictly.

    Raises
    ------
    UserError
        Naming some of the weights that are missing, left over or of another shape.
    """
    own = model.state_dict()
    shapes = [name for name in own.keys() & weights.keys() if own[name].shape != weights[name].shape]
    faults = {
        "missing": own.keys() - weights.keys(),
        "left over": weights.keys() - own.keys(),
        "of another shape": shapes,
    }
    if any(faults.values()):
        told = "; ".join(
            f"{len(names)} {what} ({', '.join(sorted(names)[:3])}{', ...' if len(names) > 3 else ''})"
            for what, names in faults.items()
            if names
        )
        raise UserError(
            f"{origin} does not fit this model: of {len(own)} weights, {told}; does the config name its parts?"
        )
    model.load_state_dict(weights)
