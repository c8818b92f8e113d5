"""Options of the built-in strategies."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from frame import Options


class SingleOptions(Options):
    device: str = "auto"
    """``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"`` or ``"xpu"``; ``"auto"``: the first GPU there is, or the CPU."""


class DataParallelOptions(Options):
    devices: int | tuple[Annotated[int, Field(ge=0)], ...] | None = Field(default=None)
    """How many GPUs, or the indices of which; without it, all. The first one computes losses and validates."""


class ProcessesOptions(Options):
    devices: int | tuple[Annotated[int, Field(ge=0)], ...] | None = Field(default=None)
    """How many GPUs of this machine, or the indices of which, a process each; without it, all. On the CPU, how many
    processes, 1 by default."""
    timeout: float = Field(default=600.0, gt=0)
    """Seconds that a process waits for the others before it gives up."""
    max_restarts: int = Field(default=0, ge=0)
    """How often the processes that Frame starts are started again, from the last checkpoint, after one was lost. Those
    of ``torchrun`` have its own ``--max-restarts``."""


class FsdpOptions(ProcessesOptions):
    checkpoints: Literal["portable", "sharded", "both"] = "portable"
    """Weights and moments whole in one file each, written by the first process; or in shards, by each process what it
    holds, which takes less memory and time; or both. Any strategy goes on from any of them."""
