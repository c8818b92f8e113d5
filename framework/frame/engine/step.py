"""One optimizer step: forward and backward over a window of batches, and the guard before the weights are touched."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd import grad
from torch.utils import _pytree as pytree

from frame.data.pipeline import normalized, target
from frame.engine.memory import is_out_of_memory, make_room
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from torch import nn
    from torch.amp import GradScaler
    from torch.optim import Optimizer

    from frame.data.pipeline import Batch
    from frame.engine.build import Built
    from frame.engine.ema import Ema


class Step:
    """Takes optimizer steps. A bad one, of a loss or gradient that is not finite, changes nothing.

    Processes agree without asking: losses and gradients are summed over them, and what is not finite spreads.

    On a GPU nothing waits for the device: the fused optimizer is told by ``found_inf`` to leave the weights alone, and
    bad steps are counted there. In fp16 a gradient that overflows is no bad step: its scale is halved, as it should be.

    Parameters
    ----------
    scaler
        Scales the loss in fp16; disabled for other precisions.
    splits
        Parts into which each batch is split. Doubled when one does not fit into memory.
    """

    def __init__(
        self,
        built: Built,
        module: nn.Module,
        optimizer: Optimizer,
        ema: Ema | None,
        scaler: GradScaler,
        splits: int = 1,
    ) -> None:
        self.built = built
        self.module = module
        self.optimizer = optimizer
        self.parameters = [each for group in optimizer.param_groups for each in group["params"]]
        self.ema = ema
        self.scaler = scaler
        self.splits = splits
        self.limit = built.run.train.clip or math.inf
        self.waits = built.strategy.root_device.type != "cuda"  # on the CPU a look costs nothing
        self.stateful = bool(built.objective.state_dict())
        self._bad: Tensor | int = 0 if self.waits else torch.zeros((), device=built.strategy.root_device)
        self._skipped: Tensor | int = self._bad

    def bad_steps(self) -> int:
        """Bad steps since the last call. Waits for the device."""
        bad, skipped = int(self._bad), int(self._skipped)
        self._bad, self._skipped = self._bad - bad, self._skipped - skipped
        if self.ema is not None and not self.waits:
            self.ema.updates -= skipped  # they were counted before anybody looked
        # Below 1 the scale makes gradients smaller: no fp16 range is too narrow for them, they are infinite.
        return skipped if skipped and self.scaler.is_enabled() and self.scaler.get_scale() < 1 else bad

    def __call__(self, window: list[Batch], samples: int) -> Tensor:
        """Step over ``window``, which holds ``samples`` samples over all processes.

        Returns the mean of each loss over them, ``[1 + L]`` detached, on the device, the same for all processes.

        Raises
        ------
        UserError
            If memory does not suffice for a single image.
        """
        objective, optimizer, strategy = self.built.objective, self.optimizer, self.built.strategy
        before = _cloned(objective.state_dict()) if self.stateful else None
        while (values := self._attempt(window, samples)) is None:
            self._split(window, before)
        self.scaler.unscale_(optimizer)
        norm = strategy.clip_grad_norm_(self.parameters, self.limit)
        if self.waits:
            loss_is_finite = math.isfinite(values[0])
            if loss_is_finite and math.isfinite(norm):
                strategy.optimizer_step(optimizer)
                if self.ema is not None:
                    self.ema.update()
            else:
                self._skipped += 1
                self._bad += not (loss_is_finite and self.scaler.is_enabled())
                if before is not None:
                    objective.load_state_dict(before)
        else:
            loss_is_bad = (~values[0].isfinite()).float()
            skip = torch.maximum(loss_is_bad, (~norm.isfinite()).float())
            optimizer.found_inf = skip  # type: ignore[attr-defined]  # what GradScaler tells fused optimizers
            strategy.optimizer_step(optimizer)
            if self.ema is not None:
                self.ema.update(unless=skip)
            if before is not None:
                objective.load_state_dict(_chosen(skip.bool(), before, objective.state_dict()))
            self._skipped = self._skipped + skip
            self._bad = self._bad + (loss_is_bad if self.scaler.is_enabled() else skip)
        self.scaler.update()
        self._forget_gradients()
        return values

    def _forget_gradients(self) -> None:
        for each in self.parameters:
            each.grad = None

    def _attempt(self, window: list[Batch], samples: int) -> Tensor | None:
        """Gradients of the mean loss over the window's samples, whatever the sizes of its batches.

        ``None`` if they did not fit into memory.
        """
        try:
            return self._accumulate([part for batch in window for part in batch.split(self.splits)], samples)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return None

    def _accumulate(self, parts: list[Batch], samples: int) -> Tensor:
        strategy = self.built.strategy
        world = strategy.world_size  # processes average their gradients, so each scales its part of the sum
        values: Tensor | None = None
        for number, part in enumerate(parts, start=1):
            images, masks, _ = strategy.batch_to_device(part)
            share = len(images) / samples
            with strategy.no_sync(self.module, enabled=number < len(parts)):
                loss, found = self._losses(images, masks)
                strategy.backward(self.scaler.scale(_times(loss, share * world)))
            values = _times(found, share) if values is None else values + found * share
        assert values is not None  # noqa: S101  (a window holds a batch)
        return strategy.all_reduce(values)

    def _losses(self, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """The loss to differentiate, and ``[1 + L]`` detached, of ``[B, H, W, 3]`` and ``[B, H, W]`` uint8.

        With fewer samples than processes some have none. Theirs are 0; but the others wait for them in the model and
        maybe in a loss, so both are run all the same.
        """
        objective, masks = self.built.objective, target(masks, self.built.run.num_classes)
        if len(images):
            return objective(self.module(self._normalized(images)), masks)  # type: ignore[no-any-return]
        blank = self.module(self._normalized(images.new_zeros(1, *images.shape[1:])))
        empty = pytree.tree_map_only(Tensor, lambda each: each[:0].detach().requires_grad_(each.requires_grad), blank)
        loss, nothing = objective(empty, masks)
        pairs = [
            (whole, none)
            for whole, none in zip(pytree.tree_leaves(blank), pytree.tree_leaves(empty), strict=True)
            if isinstance(whole, Tensor) and whole.requires_grad
        ]
        # What no loss looks at has no gradient in the other processes, and must have none here.
        gradients = grad(loss, [none for _, none in pairs], allow_unused=True)
        used = [whole for (whole, _), gradient in zip(pairs, gradients, strict=True) if gradient is not None]
        return torch.stack([(0 * each).sum() for each in used]).sum(), torch.zeros_like(nothing)

    def _normalized(self, images: Tensor) -> Tensor:
        return normalized(images, self.built.model.memory_format)

    def _split(self, window: list[Batch], before: dict[str, Any] | None) -> None:
        """Make room and halve the parts. The step is taken again as if there had been no attempt."""
        self._forget_gradients()
        make_room()
        largest = max(len(batch.images) for batch in window)
        if self.built.strategy.world_size > 1:  # the other processes wait for gradients of this one
            raise UserError("out of memory: lower the stage's batch_size, and raise train.accumulation to keep the sum")
        if self.splits >= largest:
            raise UserError(
                "out of memory with one image at a time: lower data.size, or take a smaller backbone or head"
            )
        self.splits = min(2 * self.splits, largest)
        if before is not None:
            self.built.objective.load_state_dict(before)


def _times(value: Tensor, factor: float) -> Tensor:
    """The product, without an operation for the factor that most windows have."""
    return value if factor == 1 else value * factor


def _cloned(state: dict[str, Any]) -> dict[str, Any]:
    return dict(pytree.tree_map_only(Tensor, Tensor.clone, state))


def _chosen(bad: Tensor, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """``before`` where ``bad``, tensor by tensor, without looking; what is new after the step is taken as it is."""
    if pytree.tree_structure(before) != pytree.tree_structure(after):
        return after
    return dict(pytree.tree_map(lambda old, new: torch.where(bad, old, new), before, after))
