"""Building: from a bound config to the objects that a run works with. Nothing reads the config after this."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from frame.data.pipeline import Subset, TrainingSamples, ValidationSamples, training_loader, validation_loader
from frame.data.sampling import BatchPlan, hold_out
from frame.engine import randomness
from frame.engine.model import Segmenter, parameter_count
from frame.engine.objective import Objective
from frame.engine.stages import StagePlan
from frame.engine.weights import load_into, read_weights
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from torch.utils.data import DataLoader

    from frame.config.run import Run
    from frame.contracts.dataset import Metric
    from frame.contracts.strategy import Strategy

_MOST_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Built:
    """What a run works with."""

    run: Run
    strategy: Strategy
    model: Segmenter
    objective: Objective
    train: Subset
    validation: Subset
    samples: TrainingSamples
    workers: int
    plans: tuple[StagePlan, ...]
    new_metrics: Callable[[], dict[str, Metric]]
    lines: tuple[str, ...]
    """What a person should know before the first step."""

    def training_loader(self, plan: StagePlan) -> DataLoader[Any]:
        loader = training_loader(self.samples, plan.table.batch_size, self.workers, self.strategy.root_device)
        return self.strategy.setup_dataloader(loader)

    def validation_loader(self, plan: StagePlan) -> DataLoader[Any]:
        samples = ValidationSamples(self.validation, self.samples.size, self.samples.unreadable)
        loader = validation_loader(samples, plan.table.batch_size, self.workers, self.strategy.root_device)
        return self.strategy.setup_dataloader(loader)


def build(run: Run, strategy: Strategy) -> Built:
    """Build everything but the run folder and the callbacks, with all randomness from ``run.run.seed``.

    Raises
    ------
    UserError
        If a part finds something wrong that the config could not show, such as a data set without images.
    """
    randomness.seed(run.run.seed)
    train, validation, told = _data(run)
    transform = run.data.augmentation(size=run.data.size) if run.data.augmentation else None
    model = _model(run)
    losses = {label: loss.part() for label, loss in run.losses.items()}
    cores = _cores()
    workers = min(cores, _MOST_WORKERS if run.data.workers == "auto" else run.data.workers)
    if run.data.workers != "auto" and run.data.workers > cores:
        told.append(f"loading {cores} workers: {run.data.workers} were asked for, this machine has {cores} cores")
    plans = _plans(run, len(train))
    told.append(
        f"model   {run.backbone.name} ({parameter_count(model.backbone) / 1e6:.2f} M parameters) + "
        f"{run.head.name} ({parameter_count(model.head) / 1e6:.2f} M)"
    )
    told += [
        f"stage   {plan.name}: {plan.table.epochs} epochs x {plan.steps_per_epoch} steps; "
        f"{strategy.describe(plan.table.batch_size)}"
        for plan in plans
    ]
    return Built(
        run=run,
        strategy=strategy,
        model=model,
        objective=Objective(losses, {label: loss.weight for label, loss in run.losses.items()}),
        train=train,
        validation=validation,
        samples=TrainingSamples(train, run.data.size, transform, run.run.seed, run.data.unreadable),
        workers=workers,
        plans=plans,
        new_metrics=lambda: {label: part(num_classes=run.num_classes) for label, part in run.metrics.items()},
        lines=(*(f"warning {warning}" for warning in run.warnings), *told),
    )


def _plans(run: Run, length: int) -> tuple[StagePlan, ...]:
    plans: list[StagePlan] = []
    for name, table in run.stages.items():
        steps = -(-len(BatchPlan(length, table.batch_size)) // run.train.accumulation)
        plans.append(StagePlan(name, table, steps, first_epoch=sum(plan.table.epochs for plan in plans)))
    return tuple(plans)


def _data(run: Run) -> tuple[Subset, Subset, list[str]]:
    """Training and validation samples; the test split is never opened."""
    dataset = run.dataset(split="train")
    if len(dataset) == 0:
        raise UserError(f'data set "{run.dataset.name}" has no training images')
    told = []
    if getattr(dataset, "has_validation", False):
        train, validation = Subset(dataset), Subset(run.dataset(split="validation"))
        if "validation" in run.data.model_fields_set:
            told.append("warning data.validation has no effect: the data set has a validation split of its own")
    else:
        if len(dataset) < 2:
            raise UserError(f'data set "{run.dataset.name}" has one image: nothing is left to validate on')
        strata = dataset.strata() if hasattr(dataset, "strata") else None
        kept, held = hold_out(len(dataset), run.data.validation, run.run.seed, strata)
        train, validation = Subset(dataset, kept), Subset(dataset, held)
    about = dataset.describe() if hasattr(dataset, "describe") else run.dataset.name
    told.insert(0, f"data    {about}; {len(train)} for training, {len(validation)} for validation")
    return train, validation, told


def _model(run: Run) -> Segmenter:
    backbone = run.backbone()
    head = run.head(channels=tuple(backbone.channels), strides=tuple(backbone.strides), num_classes=run.num_classes)
    model = Segmenter(backbone, head)
    if run.train.init_from is not None:
        load_into(model, read_weights(run.train.init_from), run.train.init_from)
    return model


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
