"""What a run will take, by a few real steps of each stage. Nothing is written."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.utils.flop_counter import FlopCounterMode

from frame.data.pipeline import windows
from frame.engine.build import build
from frame.engine.events import Events
from frame.engine.fit import Fit
from frame.engine.levers import choose, compile_failures_told
from frame.engine.model import parameter_count
from frame.engine.processes.launch import launch, set_up, wants_processes
from frame.engine.stages import set_rates, set_trained
from frame.engine.stopping import Stopping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frame.config.run import Run
    from frame.contracts.strategy import Strategy
    from frame.data.pipeline import Batch
    from frame.engine.build import Built
    from frame.engine.stages import StagePlan

STEPS = 2  # that are timed, after one that allocates and starts the loader


@dataclass(frozen=True, slots=True)
class PartCost:
    """What a part of the model weighs."""

    parameters: int
    multiply_adds: int
    """Of convolutions and matrix products in one forward pass of one image."""


@dataclass(frozen=True, slots=True)
class StageCost:
    """What a stage takes with everything trained that it will train at its end."""

    epochs: int
    steps_per_epoch: int
    seconds_per_step: float
    memory: int | None
    """Bytes at the peak: allocated on the GPU, or held by the process where there is none; ``None`` if unknown."""
    splits: int
    """Parts into which a batch had to be split to fit into memory."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take; as text, a table for a person."""

    lines: tuple[str, ...]
    size: int
    parts: dict[str, PartCost]
    stages: dict[str, StageCost]

    @property
    def steps(self) -> int:
        return sum(stage.epochs * stage.steps_per_epoch for stage in self.stages.values())

    @property
    def seconds(self) -> float:
        """Of training alone."""
        return sum(stage.epochs * stage.steps_per_epoch * stage.seconds_per_step for stage in self.stages.values())

    def __str__(self) -> str:
        return "\n".join([*self.lines, "", *self._parts(), "", *self._stages(), "", self._all()])

    def _parts(self) -> Iterator[str]:
        yield f"{'part':<12}{'parameters':>12}{'multiply-adds':>16}   of one image at {self.size} px"
        for name, part in self.parts.items():
            yield f"{name:<12}{part.parameters / 1e6:>10.2f} M{part.multiply_adds / 1e9:>14.2f} G"

    def _stages(self) -> Iterator[str]:
        yield f"{'stage':<12}{'steps':>8}{'s a step':>12}{'s an epoch':>12}{'memory':>12}"
        for name, stage in self.stages.items():
            memory = "unknown" if stage.memory is None else f"{stage.memory / 2**30:.2f} GiB"
            split = f"   each batch in {stage.splits} parts, the whole did not fit" if stage.splits > 1 else ""
            epoch = stage.seconds_per_step * stage.steps_per_epoch
            steps = stage.epochs * stage.steps_per_epoch
            yield f"{name:<12}{steps:>8}{stage.seconds_per_step:>12.3f}{epoch:>12.1f}{memory:>12}{split}"

    def _all(self) -> str:
        minutes = round(self.seconds / 60)
        return (
            f"in all {self.steps} steps, about {minutes // 60} h {minutes % 60:02} min of training; "
            f"validation and checkpoints come on top. Nothing was written."
        )


def estimate(run: Run) -> Estimate:
    """Build a run and take a few real steps of each stage.

    Raises
    ------
    UserError
        As the run itself would.
    """
    strategy: Strategy = run.strategy()
    if wants_processes(strategy):
        estimated: Estimate = launch(strategy, estimate, run)
        return estimated
    set_up(strategy)
    run = replace(run, data=run.data.model_copy(update={"cache": False}))  # nothing is written
    try:
        built = build(run, strategy)
        levers, told = choose(built, None)
        fit = Fit(built, levers, Path(), Events({}), Stopping(None), None)
        with compile_failures_told():
            stages = {plan.name: _stage(built, fit, plan) for plan in built.plans}
            parts = _parts(built)
        return Estimate((*built.lines, *told), run.data.size, parts, stages)
    finally:
        strategy.teardown()


def _parts(built: Built) -> dict[str, PartCost]:
    model, size = built.model, built.samples.size
    counter = FlopCounterMode(display=False)
    with built.strategy.eval_module(model), torch.no_grad(), counter:
        model(torch.zeros(1, 3, size, size, device=built.strategy.root_device))
    counts = {name: sum(found.values()) // 2 for name, found in counter.get_flop_counts().items()}
    root = type(model).__name__
    return {
        name: PartCost(parameter_count(module), counts.get(f"{root}.{name}", 0))
        for name, module in model.named_children()
    }


def _stage(built: Built, fit: Fit, plan: StagePlan) -> StageCost:
    step, device = fit.step_of(plan), built.strategy.root_device
    set_rates(step.optimizer, plan.rates(0))
    set_trained(built.model, plan.table, plan.trained_stages(plan.steps - 1, len(built.model.backbone_stages())))
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    seconds = []
    for samples, window in islice(_windows(built, plan), 1 + STEPS):
        started = time.perf_counter()
        step(window, samples)
        step.bad_steps()  # waits for the device
        seconds.append(time.perf_counter() - started)
    return StageCost(plan.table.epochs, plan.steps_per_epoch, sum(seconds[1:]) / STEPS, _peak(device), step.splits)


def _windows(built: Built, plan: StagePlan) -> Iterator[tuple[int, list[Batch]]]:
    """Epoch after epoch, for there may be a single step in one."""
    loader, epoch = built.training_loader(plan), 0
    while True:
        yield from windows(loader, built.run.train.accumulation, epoch)
        epoch += 1


def _peak(device: torch.device) -> int | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:  # Windows
        return None
    return getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
