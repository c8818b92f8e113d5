"""Running out of memory, and making room."""

from __future__ import annotations

import gc

import torch


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error is an allocation that failed: a GPU's, or on the CPU, which has no type of its own for it."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def make_room() -> None:
    """Give back what nothing refers to any more. Call it outside ``except``: the traceback holds the step's tensors."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
