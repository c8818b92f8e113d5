"""Losses summed over an epoch, where they are, so that nothing waits for a device."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from frame.contracts.strategy import Strategy


class Tally:
    """Each loss times its samples, and these samples; a step whose losses are not all finite is left out.

    Parameters
    ----------
    losses
        How many there are.
    sums
        What was counted before a run was stopped: the result of :meth:`total`, or nothing.
    """

    def __init__(self, strategy: Strategy, losses: int, sums: list[float]) -> None:
        self.strategy = strategy
        # Of all processes the first alone counts samples and goes on from what was saved: sums are added up over them.
        self.counts = float(strategy.is_global_zero)
        self.sums = list(sums) if sums and self.counts else [0.0] * (losses + 1)
        on_cpu = strategy.root_device.type == "cpu"  # there numbers are read at once, and cheaper than tensors
        self.on_device = None if on_cpu else torch.tensor(self.sums, device=strategy.root_device)

    def add(self, values: Tensor, samples: int) -> None:
        """Count a step: the mean of each loss over its samples ``[L]``."""
        if self.on_device is not None:
            counted = torch.cat([values, values.new_full((1,), self.counts)]) * samples
            self.on_device += torch.where(values.isfinite().all(), counted, 0)
            return
        numbers = [*values.tolist(), self.counts]
        if all(map(math.isfinite, numbers)):
            self.sums = [total + number * samples for total, number in zip(self.sums, numbers, strict=True)]

    def total(self) -> list[float]:
        """The sums over all processes, the samples last. Waits for the device."""
        sums = torch.tensor(self.sums, dtype=torch.float64) if self.on_device is None else self.on_device.clone()
        return list(self.strategy.all_reduce(sums).tolist())
