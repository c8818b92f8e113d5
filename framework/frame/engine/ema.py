"""An exponential moving average of a model's weights."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from frame.engine.sharded import local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn


class Ema:
    """Average of the parameters of an unwrapped model, of each process's shards if they are sharded.

    After ``n`` updates the decay is ``min(decay, (1 + n) / (10 + n))``, so that the first steps are soon forgotten
    (TensorFlow's ``ExponentialMovingAverage`` with ``num_updates``). Parameters that do not change, frozen ones, keep
    their value in the average.
    """

    @torch.no_grad()
    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._live = local(list(model.parameters()))
        self._shadow = [parameter.clone() for parameter in self._live]

    @torch.no_grad()
    def update(self, unless: Tensor | None = None) -> None:
        """Count the weights after an optimizer step: a fused call or three over all parameters.

        ``unless``: 1 on the device if the step was bad and counts nothing, else 0; it is not looked at.
        """
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        if unless is None:
            torch._foreach_lerp_(self._shadow, self._live, 1 - decay)
        else:
            change = [live - shadow for live, shadow in zip(self._live, self._shadow, strict=True)]
            torch._foreach_mul_(change, (1 - decay) * (1 - unless))
            torch._foreach_add_(self._shadow, change)
        self.updates += 1

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within it the model has the averaged weights; afterwards its own, after an exception too."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for live, shadow in zip(self._live, self._shadow, strict=True):  # in place: a shard can't be exchanged
            kept = live.clone()
            live.copy_(shadow)
            shadow.copy_(kept)
