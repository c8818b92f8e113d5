"""A checkpoint's tensors as torch.distributed.checkpoint writes them: each process what it holds, at the same time."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint import metadata as records
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader, FileSystemWriter
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from frame.engine.checkpoints.weights import INDEX, SHARDS
from frame.plugin.errors import UserError

_WEIGHTS, _AVERAGE, _MOMENTS = "weights", "ema", "optimizer"  # what names in the index begin with
_NAMED = {
    "pathlib": ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"),
    "torch": ("Size",),
    "torch.serialization": ("_get_layout",),
    "torch.distributed.checkpoint.filesystem": ("_StorageInfo",),
}

Weights = dict[str, Any]
Moments = dict[str, dict[str, Any]]


def write_shards(folder: Path, weights: Weights, ema: Weights | None, optimizer: Moments) -> None:
    """Write what this process holds of the tensors below ``folder``, which is there. All processes have to call it.

    Raises
    ------
    UserError
        If a file could not be written, by any of them.
    """
    tensors = {f"{_WEIGHTS}/{name}": value for name, value in weights.items()}
    tensors |= {f"{_AVERAGE}/{name}": value for name, value in (ema or {}).items()}
    tensors |= {
        f"{_MOMENTS}/{name}/{key}": value for name, values in optimizer.items() for key, value in values.items()
    }
    try:
        save(tensors, storage_writer=FileSystemWriter(folder / SHARDS))
    except CheckpointException as error:  # the same for all
        raise UserError(f"cannot write {folder / SHARDS}: {_cause(error)}; earlier checkpoints are whole") from error


def read_shards(folder: Path) -> tuple[Weights, Weights | None, Moments]:
    """What was written, whole, on the CPU, by however many processes; nothing but records is unpickled.

    Raises
    ------
    UnpicklingError
        If the index holds anything else.
    RuntimeError
        If a file is not what the index says.
    """
    reader = _Reader(folder / SHARDS)
    tensors: dict[str, Any] = {
        name: torch.empty(entry.size, dtype=entry.properties.dtype)
        for name, entry in reader.read_metadata().state_dict_metadata.items()
        if isinstance(entry, records.TensorStorageMetadata)
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")  # each process reads by itself
        try:
            load(tensors, storage_reader=reader, no_dist=True)
        except CheckpointException as error:
            raise RuntimeError(_cause(error)) from error
    parts: dict[str, dict[str, Any]] = {_WEIGHTS: {}, _AVERAGE: {}, _MOMENTS: {}}
    for place, tensor in tensors.items():
        part, name, *key = place.split("/")
        if key:
            parts[part].setdefault(name, {})[key[0]] = tensor
        else:
            parts[part][name] = tensor
    return parts[_WEIGHTS], parts[_AVERAGE] or None, parts[_MOMENTS]


def _cause(error: CheckpointException) -> str:
    """The first line of what went wrong first."""
    first, *_ = error.failures.values()
    return (str(first[0]).splitlines() or [type(first[0]).__name__])[0]


class _Reader(FileSystemReader):
    """Torch's, whose own way to read the index would run what is in it."""

    def read_metadata(self, *_args: Any, **_kwargs: Any) -> records.Metadata:
        with Path(self.path, INDEX).open("rb") as file:
            found = _Records(file).load()
        if not isinstance(found, records.Metadata):
            raise pickle.UnpicklingError(f"{INDEX} holds no index")
        return found


class _Records(pickle.Unpickler):
    """Knows the records of an index, paths, and names of types."""

    def find_class(self, module: str, name: str) -> Any:
        if name in _NAMED.get(module, ()):
            return super().find_class(module, name)
        if module in (records.__name__, "torch") and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, torch.dtype) or getattr(found, "__module__", None) == records.__name__:
                return found
        raise pickle.UnpicklingError(f"{INDEX} asks for {module}.{name}")
