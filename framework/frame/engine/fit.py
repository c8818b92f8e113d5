"""The training loop: stages, epochs, steps. It knows no strategy, no model and no data set."""

from __future__ import annotations

import time
from contextlib import nullcontext
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch

from frame.contracts.callback import EpochInfo, RunEnd, RunInfo, StageInfo, StepInfo
from frame.data.pipeline import windows
from frame.engine.baselines import baselines
from frame.engine.checkpoints import checkpoint
from frame.engine.checkpoints.snapshot import Snapshots
from frame.engine.ema import Ema
from frame.engine.folder import CHECKPOINTS
from frame.engine.progress import Progress, listeners
from frame.engine.stages import build_optimizer, set_rates, set_trained
from frame.engine.step import Step
from frame.engine.tally import Tally
from frame.engine.validate import validate
from frame.engine.waiting import Waiting
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torch.utils.data import DataLoader

    from frame.data.pipeline import Batch
    from frame.engine.build import Built
    from frame.engine.checkpoints.checkpoint import Content
    from frame.engine.events import Events
    from frame.engine.levers import Levers
    from frame.engine.stages import StagePlan
    from frame.engine.stopping import Stopping

LOOK_EVERY = 50  # steps between looks at the count of bad ones, which wait for the device


class RunStopped(Exception):  # noqa: N818  (no error: the run was asked to)
    """The run was stopped and saved; ``reason`` is a key of ``EXIT_CODES``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Fit:
    """One run, from its first step or from a checkpoint to its last checkpoint."""

    def __init__(
        self,
        built: Built,
        levers: Levers,
        folder: Path,
        events: Events,
        stopping: Stopping,
        saved: Content | None,
    ) -> None:
        self.built = built
        self.run = built.run
        self.strategy = built.strategy
        self.folder = folder
        self.events = events
        self.stopping = stopping
        self.progress = Progress(**saved.state["progress"]) if saved else Progress()
        levers.apply(built.model)
        self.module = self.strategy.setup_module(built.model)
        built.objective.to(self.strategy.root_device)
        self.ema = Ema(built.model, self.run.train.ema) if self.run.train.ema else None
        self.scaler = torch.amp.GradScaler(self.strategy.root_device.type, enabled=levers.precision == "fp16")
        self.snapshots = Snapshots(built, levers, self.module, self.ema, self.scaler, folder / CHECKPOINTS)
        self.saved = saved
        self.listeners = listeners(built.model, built.objective)
        self.said: set[str] = set()
        self.waiting = Waiting()
        self.infos = tuple(
            StageInfo(plan.name, plan.table.epochs, plan.steps_per_epoch, plan.table.batch_size) for plan in built.plans
        )

    @property
    def best(self) -> Path | None:
        """The best checkpoint's folder."""
        return self.folder / CHECKPOINTS / self.progress.best if self.progress.best else None

    def fit(self) -> RunEnd:
        """Train what is left of all stages; returns the best checkpoint's figures beside the baselines'.

        Raises
        ------
        RunStopped
            If a signal or the end of ``run.max_time`` asked for it; everything is saved.
        """
        started = time.perf_counter()
        run, built = self.run, self.built
        self.events(
            "on_run_start",
            RunInfo(
                name=run.name,
                folder=self.folder,
                seed=run.run.seed,
                monitor=run.monitor,
                lines=built.lines,
                stages=self.infos,
                global_step=self.progress.global_step,
                epochs=self.progress.epochs,
                extra_names=built.model.extra_names,
                classes=run.classes,
                config=run.tables(),
            ),
        )
        for stage in range(self.progress.stage, len(self.built.plans)):
            if stage != self.progress.stage:
                self.progress.begin_stage(stage)
            self._stage(self.built.plans[stage], self.infos[stage])
        end = RunEnd(self.progress.figures, time.perf_counter() - started, self._guess(), self.waiting.share)
        self.events("on_run_end", end)
        return end

    def _guess(self) -> dict[str, dict[str, float]]:
        built = self.built
        if not self.strategy.is_global_zero:
            return {}
        size = built.samples.size
        return baselines(built.train, built.validation, size, self.run.num_classes, built.new_metrics)

    def step_of(self, plan: StagePlan) -> Step:
        """What takes a stage's steps, with the stage's own optimizer."""
        built = self.built
        optimizer = build_optimizer(plan, built.model, built.objective, self.run.train.weight_decay)
        optimizer = self.strategy.setup_optimizer(optimizer)
        return Step(built, self.module, optimizer, self.ema, self.scaler, self.progress.splits)

    def _stage(self, plan: StagePlan, info: StageInfo) -> None:
        self.events("on_stage_start", info)
        built, progress = self.built, self.progress
        step = self.step_of(plan)
        training, validation = built.training_loader(plan), built.validation_loader(plan)
        if self.saved is not None:  # after all that might draw random numbers
            self.snapshots.restore(self.saved, step.optimizer)
            self.saved = None
        patience = self.run.train.patience
        while progress.epoch < plan.table.epochs and (patience is None or progress.waited < patience):
            started = time.perf_counter()
            self._epoch(plan, info, step, training, waiting := Waiting())
            self.waiting.add(waiting)
            found = self._validate(step, validation)
            if self.run.monitor not in found:
                self._save(step, found)
                raise UserError(
                    f'train.monitor: no figure is called "{self.run.monitor}"; there are: {", ".join(found)}. '
                    "The epoch is saved, and --resume goes on from it"
                )
            self._note_unreadable(self.strategy.all_gather(progress.unreadable))
            epoch, means = progress.epoch, self._means()
            is_best = progress.is_better(found, self.run.monitor, self.run.train.monitor_mode)
            if is_best:
                progress.best, progress.figures = checkpoint.name(progress.global_step), found
            progress.waited = 0 if is_best else progress.waited + 1
            progress.begin_epoch(epoch + 1)
            progress.epochs += 1
            ended = EpochInfo(
                stage=info,
                epoch=epoch,
                global_step=progress.global_step,
                train=means,
                validation=found,
                rates=plan.rates((epoch + 1) * plan.steps_per_epoch - 1),
                is_best=is_best,
                seconds=time.perf_counter() - started,
                waited=waiting.share,
            )
            self.events("on_epoch_end", ended)
            self._tell_of_the_cache()
            self._save(step, found)
            if reason := self._asked_to_stop():
                raise RunStopped(reason)

    def _epoch(self, plan: StagePlan, info: StageInfo, step: Step, loader: DataLoader[Any], waiting: Waiting) -> None:
        """Train what is left of an epoch."""
        built, progress = self.built, self.progress
        backbone_stages, trained = len(built.model.backbone_stages()), None
        tally = Tally(self.strategy.root_device, len(built.objective.labels), progress.sums)
        every = self.run.train.save_every
        accumulation, epoch = self.run.train.accumulation, plan.first_epoch + progress.epoch
        progress.sums = tally.sums
        if progress.step > plan.steps_per_epoch:
            raise UserError(
                f"stage {info.name}: the checkpoint stands behind step {progress.step} of an epoch, which has "
                f"{plan.steps_per_epoch} now; set stages.{info.name}.batch_size, train.accumulation and the data as "
                "they were, or begin anew with its weights by train.init_from"
            )
        for samples, window in waiting.over(windows(loader, accumulation, epoch, progress.step)):
            position = progress.epoch * plan.steps_per_epoch + progress.step
            rates = plan.rates(position)
            set_rates(step.optimizer, rates)
            if self.listeners:
                done = self._progress_at(position)
                for set_progress in self.listeners:
                    set_progress(done)
            if trained != (trained := plan.trained_stages(position, backbone_stages)):
                set_trained(built.model, plan.table, trained)
            values = step(window, samples)
            tally.add(values, samples)
            progress.step += 1
            progress.global_step += 1
            self.events(
                "on_step_end",
                StepInfo(info, progress.epoch, progress.step - 1, progress.global_step, values[0], rates),
            )
            self._note(step, window)
            last = progress.step == plan.steps_per_epoch
            due = every is not None and progress.global_step % every == 0 and not last
            reason = self._asked_to_stop()
            if due or reason or last or step.waits or progress.step % LOOK_EVERY == 0:
                self._look_at_bad_steps(step, values, info)
            if due or reason or last:
                progress.sums = tally.total()
            if due or reason:
                self._save(step, {})
                if reason:
                    raise RunStopped(reason)
        if progress.step != plan.steps_per_epoch:
            raise UserError(
                f"stage {info.name}: strategy {self.run.strategy.name} gave {progress.step} of {plan.steps_per_epoch} "
                "steps of an epoch; its setup_dataloader must leave out no batch, the last and smaller one neither"
            )

    def _progress_at(self, position: int) -> float:
        """The position in the run of a step of the present stage: 0 for the run's first step, 1 for its last."""
        steps = [plan.steps for plan in self.built.plans]
        return (sum(steps[: self.progress.stage]) + position) / max(1, sum(steps) - 1)

    def _save(self, step: Step, figures: dict[str, float]) -> Path:
        self.events("on_checkpoint", self.progress.global_step)
        return self.snapshots.save(self.progress, self.infos[self.progress.stage].name, figures, step.optimizer)

    def _note(self, step: Step, window: list[Batch]) -> None:
        """Say what a step met with that was no reason to stop."""
        if step.splits != self.progress.splits:
            self.progress.splits = step.splits
            self.events("on_notice", f"out of memory: from now on each batch is split into {step.splits} parts")
        self._note_unreadable(batch.unreadable for batch in window)

    def _note_unreadable(self, found: Iterable[Iterable[str]]) -> None:
        for text in chain.from_iterable(found):
            if text not in self.progress.unreadable:
                self.progress.unreadable.append(text)
                self.events("on_notice", f"skipped: {text}")

    def _means(self) -> dict[str, float]:
        """The mean of each loss over the epoch's samples; those whose loss was not finite are left out."""
        *sums, samples = self.progress.sums
        return {label: total / max(1, samples) for label, total in zip(self.built.objective.labels, sums, strict=True)}

    def _look_at_bad_steps(self, step: Step, values: torch.Tensor, info: StageInfo) -> None:
        if not (count := step.bad_steps()):
            return
        progress, policy = self.progress, self.run.train.non_finite
        progress.skipped += count
        named = zip(self.built.objective.labels, values.isfinite().tolist(), strict=True)
        else_ = "the gradient" if step.waits else "a loss or the gradient"  # of an earlier step, which nobody looked at
        what = f"{', '.join(label for label, finite in named if not finite) or else_} not finite"
        at = "step" if step.waits else "up to step"
        where = f"stage {info.name}, epoch {progress.epoch + 1}, {at} {progress.step}"
        if policy == "raise":
            raise UserError(
                f"{where}: {what}; the weights are as they were before. Lower stages.{info.name}.lr, set train.clip, "
                f"or set train.non_finite to 'skip' or 'rollback'"
            )
        if policy == "rollback" and not self.snapshots.roll_back(step.optimizer):
            raise UserError(
                f"{where}: {what}, and there is no checkpoint yet to go back to; lower stages.{info.name}.lr, or save "
                "more often by train.save_every"
            )
        back = ", back to the last checkpoint's weights" if policy == "rollback" else ""
        self.events("on_notice", f"{where}: {what}; {count} step{'s' if count > 1 else ''} skipped{back}")

    def _validate(self, step: Step, loader: DataLoader[Any]) -> dict[str, float]:
        shown: Any = loader.batch_sampler
        self.events("on_validation_start", shown.own)

        def before_batch() -> None:
            if reason := self._asked_to_stop():
                raise _InterruptedError(reason)

        observe = partial(self.events, "on_validation_sample")
        extras = "on_validation_extras"
        watcher = partial(self.events, extras) if self.events.are_heard(extras) else None
        metrics, note = self.built.new_metrics(), self._note_unreadable
        try:
            with self.ema.applied() if self.ema else nullcontext():
                return validate(
                    self.module, self.strategy, loader, metrics, before_batch, observe, note, watcher, self._say_once
                )
        except _InterruptedError as interrupted:  # saved before the validation, which is run again after the resume
            self._save(step, {})
            raise RunStopped(str(interrupted)) from None

    def _tell_of_the_cache(self) -> None:
        for topic, text in (self.built.samples.cache.notices() if self.built.samples.cache else {}).items():
            self._say_once(topic, text)

    def _say_once(self, topic: str, text: str) -> None:
        if topic not in self.said:
            self.said.add(topic)
            self.events("on_notice", text)

    def _asked_to_stop(self) -> str | None:
        """Why the run should stop, agreed on by all processes."""
        reason = self.stopping.reason
        if self.strategy.reduce_boolean_decision(reason is not None, all_=False):
            reasons: list[str | None] = self.strategy.all_gather(reason)
            return next(filter(None, reasons))
        return None


class _InterruptedError(Exception):
    """Leaves a validation."""
