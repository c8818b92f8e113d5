"""A checkpoint's tensors as torch.distributed.checkpoint writes them: each process what it holds, at the same time."""

from __future__ import annotations

import pickle
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch.distributed import checkpoint as dcp
from torch.distributed.checkpoint import metadata as records
from torch.distributed.checkpoint.api import CheckpointException

from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

SHARDS, INDEX = "shards", ".metadata"
_NAMED = {
    "pathlib": ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"),
    "torch": ("Size",),
    "torch.serialization": ("_get_layout",),
    "torch.distributed.checkpoint.filesystem": ("_StorageInfo",),
}


def write(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write what this process holds of ``tensors`` below ``folder``, which is there. All processes have to call it.

    Raises
    ------
    UserError
        If a file could not be written, by any of them.
    """
    try:
        dcp.save(dict(tensors), storage_writer=dcp.FileSystemWriter(folder / SHARDS))
    except (OSError, RuntimeError, CheckpointException) as error:
        causes = error.failures.values() if isinstance(error, CheckpointException) else [(error,)]
        cause = next(iter(causes))[0]
        raise UserError(f"cannot write {folder / SHARDS}: {str(cause).splitlines()[0]}") from error


def read(folder: Path) -> dict[str, Tensor]:
    """The tensors below ``folder``, whole, on the CPU, whoever wrote them; nothing but records is unpickled.

    Raises
    ------
    UnpicklingError
        If the index holds anything else.
    OSError, RuntimeError, CheckpointException
        If a file is missing or damaged.
    """
    reader = _Reader(folder / SHARDS)
    tensors: dict[str, Any] = {
        name: torch.empty(entry.size, dtype=entry.properties.dtype)
        for name, entry in reader.read_metadata().state_dict_metadata.items()
        if isinstance(entry, records.TensorStorageMetadata)
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")  # each process reads by itself
        dcp.load(tensors, storage_reader=reader, no_dist=True)
    return tensors


class _Reader(dcp.FileSystemReader):
    """Torch's, whose own way to read the index would run what is in it."""

    def read_metadata(self, *_args: Any, **_kwargs: Any) -> records.Metadata:
        with (self.path / INDEX).open("rb") as file:
            found = _Records(file).load()
        if not isinstance(found, records.Metadata):
            raise pickle.UnpicklingError(f"{INDEX} holds no index")
        return found


class _Records(pickle.Unpickler):
    """Knows the records of an index, paths, and names of types."""

    def find_class(self, module: str, name: str) -> Any:
        known = name in _NAMED.get(module, ()) or (module == records.__name__ and "." not in name)
        if known or module == "torch":
            found = super().find_class(module, name)
            if (module == "torch" and isinstance(found, torch.dtype)) or (
                known and (module in _NAMED or getattr(found, "__module__", None) == module)
            ):
                return found
        raise pickle.UnpicklingError(f"{INDEX} asks for {module}.{name}")
