"""Losses summed over an epoch, where they are, so that nothing waits for a device."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


class Tally:
    """Each loss times its samples, and these samples; a step whose losses are not all finite is left out.

    Parameters
    ----------
    device
        Where the losses are.
    losses
        How many there are.
    sums
        What was counted before a run was stopped: the result of :meth:`total`, or nothing.
    """

    def __init__(self, device: torch.device, losses: int, sums: list[float]) -> None:
        self.sums = list(sums) if len(sums) == losses + 1 else [0.0] * (losses + 1)  # or they are of other losses
        # On the CPU numbers are read at once, and cheaper than tensors.
        self.on_device = None if device.type == "cpu" else torch.tensor(self.sums, device=device)

    def add(self, values: Tensor, samples: int) -> None:
        """Count a step: the mean of each loss over its samples ``[L]``."""
        if self.on_device is not None:
            counted = torch.cat([values, values.new_ones(1)]) * samples
            self.on_device += torch.where(counted.isfinite().all(), counted, 0)
            return
        numbers = [*values.tolist(), 1.0]
        if all(map(math.isfinite, numbers)):
            self.sums = [total + number * samples for total, number in zip(self.sums, numbers, strict=True)]

    def total(self) -> list[float]:
        """The sums, the samples last. Waits for the device."""
        return self.sums if self.on_device is None else list(self.on_device.tolist())
