"""The training loop: stages, epochs, steps. It knows no strategy, no model and no data set."""

from __future__ import annotations

import math
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch

from frame.contracts.callback import EpochInfo, RunEnd, RunInfo, StageInfo, StepInfo
from frame.data.pipeline import Batch, batches, normalized, target
from frame.engine import checkpoint
from frame.engine.baselines import baselines
from frame.engine.checkpoint import Position
from frame.engine.folder import CHECKPOINTS, versions
from frame.engine.stages import build_optimizer, set_rates, set_trained
from frame.engine.validate import validate
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.utils.data import DataLoader

    from frame.engine.build import Built
    from frame.engine.events import Events
    from frame.engine.stages import StagePlan


class Fit:
    """One run from its first step to its last checkpoint."""

    def __init__(self, built: Built, folder: Path, events: Events) -> None:
        self.built = built
        self.run = built.run
        self.strategy = built.strategy
        self.folder = folder
        self.events = events
        self.global_step = 0
        self.best: tuple[Path, Mapping[str, float]] | None = None

    def fit(self) -> RunEnd:
        """Train all stages; returns the best checkpoint's figures beside the baselines'."""
        started = time.perf_counter()
        infos = [StageInfo(p.name, p.table.epochs, p.steps_per_epoch, p.table.batch_size) for p in self.built.plans]
        run = self.run
        self.events(
            "on_run_start",
            RunInfo(run.name, self.folder, run.run.seed, run.monitor, self.built.lines, tuple(infos)),
        )
        module = self.strategy.setup_module(self.built.model)
        self.built.objective.to(self.strategy.root_device)
        for plan, info in zip(self.built.plans, infos, strict=True):
            self._stage(module, plan, info)
        end = RunEnd(
            best=self.best[1] if self.best else {}, seconds=time.perf_counter() - started, baselines=self._guess()
        )
        self.events("on_run_end", end)
        return end

    def _guess(self) -> dict[str, dict[str, float]]:
        built = self.built
        if not self.strategy.is_global_zero:
            return {}
        size = built.samples.size
        return baselines(built.train, built.validation, size, self.run.num_classes, built.new_metrics)

    def _stage(self, module: nn.Module, plan: StagePlan, info: StageInfo) -> None:
        self.events("on_stage_start", info)
        built = self.built
        optimizer = build_optimizer(plan, built.model, built.objective, self.run.train.weight_decay)
        optimizer = self.strategy.setup_optimizer(optimizer)
        training, validation = built.training_loader(plan), built.validation_loader(plan)
        for epoch in range(plan.table.epochs):
            started = time.perf_counter()
            means = self._epoch(module, plan, info, optimizer, training, epoch)
            self.events("on_validation_start", len(built.validation))
            found = validate(
                module,
                self.strategy,
                validation,
                built.new_metrics(),
                lambda *a: self.events("on_validation_sample", *a),
            )
            is_best = self._save(module, plan, epoch, found)
            rates = plan.rates((epoch + 1) * plan.steps_per_epoch - 1)
            seconds = time.perf_counter() - started
            self.events("on_epoch_end", EpochInfo(info, epoch, self.global_step, means, found, rates, is_best, seconds))

    def _epoch(
        self,
        module: nn.Module,
        plan: StagePlan,
        info: StageInfo,
        optimizer: Optimizer,
        loader: DataLoader[Any],
        epoch: int,
    ) -> dict[str, float]:
        """Train one epoch; returns the mean of each loss over its samples."""
        built = self.built
        backbone_stages, trained = len(built.model.backbone_stages()), None
        sums = torch.zeros(len(built.objective.labels), device=self.strategy.root_device)
        for step, (samples, window) in enumerate(self._windows(loader, plan.first_epoch + epoch)):
            position = epoch * plan.steps_per_epoch + step
            rates = plan.rates(position)
            set_rates(optimizer, rates)
            if trained != (trained := plan.trained_stages(position, backbone_stages)):
                set_trained(built.model, plan.table, trained)
            values = self._step(module, optimizer, window, samples)
            sums += values * samples
            self.global_step += 1
            self.events("on_step_end", StepInfo(info, epoch, step, self.global_step, values[0], rates))
        means = (self.strategy.all_reduce(sums) / len(built.train)).tolist()
        labelled = dict(zip(built.objective.labels, means, strict=True))
        self._refuse_non_finite(labelled, info, epoch)
        return labelled

    def _windows(self, loader: DataLoader[Any], epoch: int) -> Iterator[tuple[int, list[Batch]]]:
        """The batches of each optimizer step, with the number of samples in them over all processes."""
        plan: Any = loader.batch_sampler
        plan.epoch = epoch
        size = self.run.train.accumulation
        following = batches(loader)
        for first in range(0, len(plan), size):
            yield plan.samples_in(first, size), list(islice(following, size))

    def _step(self, module: nn.Module, optimizer: Optimizer, window: list[Batch], samples: int) -> Tensor:
        """One optimizer step over a window of batches; returns the mean of each loss, detached, on the device."""
        strategy, objective = self.strategy, self.built.objective
        values: Tensor | None = None
        for number, batch in enumerate(window, start=1):
            images, masks = strategy.batch_to_device(batch)
            share = len(images) / samples
            world = strategy.world_size  # processes average their gradients, so each scales its part of the sum
            with strategy.no_sync(module, enabled=number < len(window)):
                prediction = module(normalized(images))
                loss, parts = objective(prediction, target(masks, self.run.num_classes))
                strategy.backward(loss * (share * world))
            values = parts * share if values is None else values + parts * share
        if self.run.train.clip is not None:
            strategy.clip_grad_norm_(module, self.run.train.clip)
        strategy.optimizer_step(optimizer)
        optimizer.zero_grad(set_to_none=True)
        assert values is not None  # noqa: S101  (a window holds a batch)
        return values

    def _refuse_non_finite(self, means: Mapping[str, float], info: StageInfo, epoch: int) -> None:
        if bad := [label for label, value in means.items() if not math.isfinite(value)]:
            raise UserError(
                f"stage {info.name}, epoch {epoch + 1}: {', '.join(bad)} is not finite; this epoch is not saved. "
                f"Lower stages.{info.name}.lr, set train.clip, or use train.precision = 'fp32'"
            )

    def _save(self, module: nn.Module, plan: StagePlan, epoch: int, found: Mapping[str, float]) -> bool:
        """Write a checkpoint and keep it beside the best one; returns whether it is the best."""
        weights = self.strategy.model_state_dict(module)
        value, sign = found[self.run.monitor], 1 if self.run.train.monitor_mode == "max" else -1
        before = self.best[1][self.run.monitor] if self.best else -sign * math.inf
        is_best = self.best is None or sign * value > sign * before or (math.isnan(before) and not math.isnan(value))
        if self.strategy.is_global_zero:
            about = {"config": self.run.tables(), "versions": versions(self.run)}
            at = Position(plan.name, epoch + 1, self.global_step)
            path = checkpoint.save(self.folder / CHECKPOINTS, at, weights, found, about)
            if is_best:
                self.best = path, found
            checkpoint.keep(self.folder / CHECKPOINTS, {path, *([self.best[0]] if self.best else [])})
        elif is_best:
            self.best = self.folder, found
        return is_best
