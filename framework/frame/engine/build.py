"""Building: from a bound config to the objects that a run works with. Nothing reads the config after this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from frame.data.cache_place import cache_of
from frame.data.cores import cores
from frame.data.pipeline import ValidationSamples, training_loader, validation_loader
from frame.engine import randomness
from frame.engine.checkpoints.weights import load_into, read_weights
from frame.engine.folder import CHECKPOINTS
from frame.engine.inference.saved import read_saved
from frame.engine.model import parameter_count, segmenter
from frame.engine.monitor import check_monitor
from frame.engine.objective import Objective
from frame.engine.plan import split_data, stage_plans, training_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from torch.utils.data import DataLoader

    from frame.config.options import Part
    from frame.config.run import Run
    from frame.contracts.dataset import Metric
    from frame.contracts.strategy import Strategy
    from frame.data.pipeline import Subset, TrainingSamples
    from frame.engine.model import Segmenter
    from frame.engine.stages import StagePlan

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


def build(run: Run, strategy: Strategy, *, loaded: bool = False) -> Built:
    """Build everything but the run folder and the callbacks, with all randomness from ``run.run.seed``.

    All processes build the same; what they draw from then on, for dropout say, differs. With ``loaded``, weights come
    from a checkpoint afterwards, and nothing else has to fetch any.

    Raises
    ------
    UserError
        If a part finds something wrong that the config could not show, such as a data set without images.
    """
    randomness.seed(run.run.seed)
    train, validation, told = split_data(run)
    cache, about_cache = cache_of(run, train)
    told += about_cache
    samples = training_samples(run, train, cache)
    model = _model(run, loaded=loaded)
    losses = {label: loss.part() for label, loss in run.losses.items()}
    available = cores() // strategy.processes()
    workers = min(available, _MOST_WORKERS if run.data.workers == "auto" else run.data.workers)
    if run.data.workers != "auto" and run.data.workers > available:
        each = " a process" if strategy.processes() > 1 else ""
        told.append(
            f"loading {available} workers: {run.data.workers} were asked for, this machine has {available} cores{each}"
        )
    plans = stage_plans(run, len(train))
    told.append(
        f"model   {run.backbone.name} ({parameter_count(model.backbone) / 1e6:.2f} M parameters) + "
        f"{run.head.name} ({parameter_count(model.head) / 1e6:.2f} M)"
    )
    told += [
        f"stage   {plan.name}: {plan.table.epochs} epochs x {plan.steps_per_epoch} steps; "
        f"{strategy.describe(plan.table.batch_size)}"
        for plan in plans
    ]
    if strategy.advice:
        told.append(f"advice  {strategy.advice}")
    built = Built(
        run=run,
        strategy=strategy,
        model=model,
        objective=Objective(losses, {label: loss.weight for label, loss in run.losses.items()}),
        train=train,
        validation=validation,
        samples=samples,
        workers=workers,
        plans=plans,
        new_metrics=lambda: {label: new_metric(part, run.classes) for label, part in run.metrics.items()},
        lines=(*(f"warning {warning}" for warning in run.warnings), *told),
    )
    check_monitor(run, built.new_metrics())
    if strategy.global_rank:
        randomness.seed(randomness.derived(run.run.seed, 0, strategy.global_rank))
    return built


def new_metric(part: Part, classes: Sequence[str]) -> Metric:
    """A metric that has counted nothing, for these classes; none for binary work."""
    metric: Any = part(num_classes=len(classes) or 1)
    if hasattr(metric, "classes"):
        metric.classes = tuple(classes)
    return metric  # type: ignore[no-any-return]


def _model(run: Run, *, loaded: bool) -> Segmenter:
    if loaded or run.train.init_from is not None:
        model = segmenter(run.backbone.loaded(), run.head.loaded(), run.num_classes)
    else:
        model = segmenter(run.backbone, run.head, run.num_classes)
    if run.train.init_from is not None and not loaded:
        path = run.train.init_from
        load_into(model, read_saved(path).weights if (path / CHECKPOINTS).is_dir() else read_weights(path), path)
    return model
