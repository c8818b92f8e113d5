"""The strategy: the methods of ``frame.Strategy`` that differ, all others are those of one device."""

from __future__ import annotations

import torch
from frame import Strategy

GIB = 2**30


class Acme(Strategy):
    """One device, on a machine that several people use: the GPU that has the most free memory, or the CPU.

    Parameters
    ----------
    at_least
        GiB that have to be free on a GPU.
    """

    def __init__(self, *, at_least: float = 1.0) -> None:
        self.at_least = at_least
        self._device: torch.device | None = None

    @property
    def root_device(self) -> torch.device:
        """Chosen when it is first asked for, and kept: free memory changes while a run goes on."""
        if self._device is None:
            self._device = roomiest(self.at_least)
        return self._device


def roomiest(at_least: float) -> torch.device:
    """The GPU with the most free memory, if that is ``at_least`` so many GiB; or the CPU."""
    free = {index: torch.cuda.mem_get_info(index)[0] for index in range(torch.cuda.device_count())}
    best = max(free, key=free.__getitem__, default=None)
    return torch.device("cpu") if best is None or free[best] < at_least * GIB else torch.device("cuda", best)
