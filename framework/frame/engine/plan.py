"""What is known of a run before its model is built: its samples, and the steps of its stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame.data.pipeline import Subset, TrainingSamples
from frame.data.sampling import BatchPlan, hold_out
from frame.engine.stages import StagePlan
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from frame.config.run import Run
    from frame.data.cache import Cache


def split_data(run: Run) -> tuple[Subset, Subset, list[str]]:
    """Training and validation samples, and what to tell of them; the test split is never opened.

    Raises
    ------
    UserError
        If the data set isn't there, or has too few images to train and validate on.
    """
    dataset = run.dataset(split="train")
    if len(dataset) == 0:
        raise UserError(f'data set "{run.dataset.name}" has no training images')
    told = []
    if getattr(dataset, "has_validation", False):
        train, validation = (
            Subset(each, num_classes=run.num_classes) for each in (dataset, run.dataset(split="validation"))
        )
        told += [
            f"warning data.{key} has no effect: the data set has a validation split of its own"
            for key in ("validation", "validation_seed")
            if key in run.data.model_fields_set
        ]
    else:
        if len(dataset) < 2:
            raise UserError(f'data set "{run.dataset.name}" has one image: nothing is left to validate on')
        strata = dataset.strata() if hasattr(dataset, "strata") else None
        chosen = run.data.validation_seed
        seed = run.run.seed if chosen is None else chosen
        kept, held = hold_out(len(dataset), run.data.validation, seed, strata)
        train, validation = (Subset(dataset, each, run.num_classes) for each in (kept, held))
    about = dataset.describe() if hasattr(dataset, "describe") else run.dataset.name
    told.insert(0, f"data    {about}; {len(train)} for training, {len(validation)} for validation")
    return train, validation, told


def training_samples(run: Run, train: Subset, cache: Cache | None = None) -> TrainingSamples:
    """What training draws from: ``train`` resized and augmented.

    Raises
    ------
    UserError
        If the augmentation can't be built.
    """
    transform = run.data.augmentation(size=run.data.size) if run.data.augmentation else None
    return TrainingSamples(train, run.data.size, transform, run.run.seed, run.data.unreadable, cache)


def stage_plans(run: Run, length: int) -> tuple[StagePlan, ...]:
    """The stages that are run, each with its optimizer steps over ``length`` training samples an epoch."""
    plans: list[StagePlan] = []
    for name, table in run.stages.items():
        steps = -(-len(BatchPlan(length, table.batch_size)) // run.train.accumulation)
        plans.append(StagePlan(name, table, steps, first_epoch=sum(plan.table.epochs for plan in plans)))
    return tuple(plans)
