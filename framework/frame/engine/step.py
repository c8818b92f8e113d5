"""One optimizer step: forward and backward over a window of batches, and the guard before the weights are touched."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from frame.data.pipeline import normalized, target

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from frame.data.pipeline import Batch
    from frame.engine.build import Built
    from frame.engine.ema import Ema


class Step:
    """Takes optimizer steps. A bad one, of a loss or gradient that is not finite, changes nothing.

    On a GPU nothing waits for the device: the fused optimizer is told by ``found_inf`` to leave the weights alone, and
    bad steps are counted there.
    """

    def __init__(self, built: Built, module: nn.Module, optimizer: Optimizer, ema: Ema | None) -> None:
        self.built = built
        self.module = module
        self.optimizer = optimizer
        self.ema = ema
        self.limit = built.run.train.clip or math.inf
        self.waits = built.strategy.root_device.type == "cpu"  # there a look costs nothing
        self.stateful = bool(built.objective.state_dict())
        self._bad: Tensor | int = 0 if self.waits else torch.zeros((), device=built.strategy.root_device)

    def bad_steps(self) -> int:
        """Bad steps since the last call. Waits for the device."""
        count = int(self._bad)
        self._bad = self._bad - count
        if self.ema is not None and not self.waits:
            self.ema.updates -= count  # they were counted before anybody looked
        return count

    def __call__(self, window: list[Batch], samples: int) -> Tensor:
        """Step over ``window``, which holds ``samples`` samples over all processes.

        Returns the mean of each loss over them, ``[1 + L]`` detached, on the device.
        """
        objective, optimizer = self.built.objective, self.optimizer
        before = _cloned(objective.state_dict()) if self.stateful else None
        values = self._accumulate(window, samples)
        norm = self.built.strategy.clip_grad_norm_(self.module, self.limit)
        bad = ~(values[0].isfinite() & norm.isfinite())
        if self.waits:
            if bad:
                self._bad += 1
                if before is not None:
                    objective.load_state_dict(before)
            else:
                self.built.strategy.optimizer_step(optimizer)
                if self.ema is not None:
                    self.ema.update()
        else:
            optimizer.found_inf = bad.float()  # type: ignore[attr-defined]  # what GradScaler tells fused optimizers
            self.built.strategy.optimizer_step(optimizer)
            if self.ema is not None:
                self.ema.update(unless=bad)
            if before is not None:
                objective.load_state_dict(_chosen(bad, before, objective.state_dict()))
            self._bad = self._bad + bad
        optimizer.zero_grad(set_to_none=True)
        return values

    def _accumulate(self, window: list[Batch], samples: int) -> Tensor:
        """Gradients of the mean loss over the window's samples, whatever the sizes of its batches."""
        strategy, objective, run = self.built.strategy, self.built.objective, self.built.run
        values: Tensor | None = None
        for number, batch in enumerate(window, start=1):
            images, masks = strategy.batch_to_device(batch)
            share = len(images) / samples
            world = strategy.world_size  # processes average their gradients, so each scales its part of the sum
            with strategy.no_sync(self.module, enabled=number < len(window)):
                prediction = self.module(normalized(images))
                loss, parts = objective(prediction, target(masks, run.num_classes))
                strategy.backward(loss * (share * world))
            values = parts * share if values is None else values + parts * share
        assert values is not None  # noqa: S101  (a window holds a batch)
        return values


def _cloned(state: dict[str, Any]) -> dict[str, Any]:
    return dict(pytree.tree_map_only(Tensor, Tensor.clone, state))


def _chosen(bad: Tensor, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """``before`` where ``bad``, tensor by tensor, without looking; what is new after the step is taken as it is."""
    if pytree.tree_structure(before) != pytree.tree_structure(after):
        return after
    return dict(pytree.tree_map(lambda old, new: torch.where(bad, old, new), before, after))
