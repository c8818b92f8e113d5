"""The best checkpoint on the validation images once more: what the page shows beyond what the run has written."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from tqdm import tqdm

from frame.config.bind import bind
from frame.config.document import read
from frame.data.pipeline import Subset, ValidationSamples, validation_loader
from frame.engine.inference.predictor import assembled
from frame.engine.inference.saved import read_saved
from frame.engine.plan import split_data
from frame.engine.validate import figures, validate
from frame.plugin.errors import UserError
from frame.report.page.pictures import Shot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from frame.config.run import Run
    from frame.contracts.dataset import Sample
    from frame.engine.inference.predictor import Predictor
    from frame.plugin.catalog import Catalog

    Extras = Mapping[str, npt.NDArray[np.float32]]

ROUTER, LOAD = "router.", "load."
SWITCHED = 128  # images on which it is measured what each expert is worth
PARTS = ("its own quarter", "smallest quarter", "largest quarter")
"""Of these: those that the expert has most weight on, and those with the smallest objects and the largest."""
_BATCH = 8


class Change(NamedTuple):
    """How the figures of the same images differ."""

    images: int
    mean: float
    error: float
    """Standard error of the mean; nan of fewer than two images."""

    @classmethod
    def of(cls, changes: Sequence[float]) -> Change:
        known = [change for change in changes if math.isfinite(change)]
        mean = fmean(known) if known else math.nan
        return cls(len(known), mean, stdev(known) / math.sqrt(len(known)) if len(known) > 1 else math.nan)


@dataclass(slots=True)
class Revisit:
    """What was found."""

    checkpoint: Path
    weights: str
    """``"ema"`` or ``"raw"``."""
    classes: tuple[str, ...]
    score: str
    """The figure by which images are ranked."""
    lower_is_better: bool
    shots: list[Shot] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    experts: tuple[str, ...] = ()
    loads: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    """Images of each expert ``[E]``, by level."""
    routed: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    """By an image's id: each expert's probability ``[E]`` in the mean over levels, 0 if it was never chosen."""
    switched: dict[str, float] = field(default_factory=dict)
    """The monitored figure without each expert, and under ``""`` with all."""
    switched_on: int = 0
    """Images on which that was measured."""
    changes: dict[str, dict[str, Change]] = field(default_factory=dict)
    """Without each expert: how the figures change of all these images, and of each of ``PARTS``."""

    def ranked(self) -> list[Shot]:
        """Those that have a score, the best first."""
        known = [shot for shot in self.shots if math.isfinite(shot.score)]
        return sorted(known, key=lambda shot: (shot.score if self.lower_is_better else -shot.score, shot.id))


def revisit(folder: Path, plugins: Catalog, data: Path | None, *, lower_is_better: bool) -> Revisit:
    """Predict all validation images.

    Raises
    ------
    UserError
        If there is no checkpoint yet, a part is not installed, or the data set is not there.
    """
    saved = read_saved(folder)
    config: dict[str, Any] = saved.config
    if data is not None:
        config = config | {"data": config["data"] | {"root": str(data)}}
    run = bind(read(config), plugins)
    _, validation, _ = split_data(run)
    predictor = assembled(saved, plugins, "auto")
    found = Revisit(saved.path, saved.which, predictor.classes, run.monitor, lower_is_better)

    def observe(sample: Sample, probability: npt.NDArray[np.float32]) -> None:
        shot = Shot.of(sample, probability)
        shot.score = _score(run, sample, probability)
        found.shots.append(shot)

    def observe_extras(sample: Sample, extras: Extras) -> None:
        levels = {key.removeprefix(LOAD): load for key, load in extras.items() if key.startswith(LOAD)}
        for level, load in levels.items():
            found.loads[level] = found.loads.get(level, 0) + load.astype(np.int64)
        if levels and all(ROUTER + level in extras for level in levels):
            chosen = np.max(list(levels.values()), axis=0) > 0
            found.routed[sample.id] = np.mean([extras[ROUTER + level] for level in levels], axis=0) * chosen

    _pass(predictor, validation, {}, observe, observe_extras, found.unreadable, "validation images")
    names = predictor.model.extra_names
    found.experts = distinct(next((names[LOAD + level] for level in found.loads if LOAD + level in names), ()))
    if found.loads:
        found.experts = found.experts or tuple(f"expert {i}" for i in range(len(next(iter(found.loads.values())))))
        _switch(predictor, validation, run, found)
    if not any(math.isfinite(shot.score) for shot in found.shots):
        _score_by_overlap(found)
    return found


def _score(run: Run, sample: Sample, probability: npt.NDArray[np.float32]) -> float:
    """The monitored figure of one image; nan if it is none of single images."""
    label = run.monitor.partition("/")[0]
    metric = run.metrics[label](num_classes=run.num_classes)
    metric.update(probability, sample.mask)
    return figures(label, metric.compute()).get(run.monitor, math.nan)


def _pass(
    predictor: Predictor,
    samples: Subset,
    metrics: dict[str, Any],
    observe: Any,
    observe_extras: Any,
    unreadable: list[str],
    what: str,
) -> dict[str, float]:
    loader = validation_loader(
        ValidationSamples(samples, predictor.size, "skip"), _BATCH, 0, predictor.strategy.root_device
    )
    with tqdm(total=len(samples), desc=what, unit="image", disable=None, leave=False) as bar:

        def seen(sample: Sample, probability: npt.NDArray[np.float32]) -> None:
            observe(sample, probability)
            bar.update()

        def note(found: Any) -> None:
            unreadable.extend(text for texts in found for text in texts)

        return validate(predictor.model, predictor.strategy, loader, metrics, lambda: None, seen, note, observe_extras)


def _switch(predictor: Predictor, validation: Subset, run: Run, found: Revisit) -> None:
    """What the monitored figure is without each expert, where the head can switch them off."""
    head: Any = predictor.model.head
    experts = tuple(dict.fromkeys(getattr(head, "experts", ())))
    if not hasattr(head, "switch_off") or len(experts) < 2:
        return
    count = min(SWITCHED, len(validation))
    chosen = [number * len(validation) // count for number in range(count)]
    indices = range(len(validation)) if validation.indices is None else validation.indices
    some = Subset(validation.dataset, [int(indices[at]) for at in chosen])
    label = run.monitor.partition("/")[0]
    by_image: dict[str, dict[str, float]] = {}
    for name in ("", *experts):
        own: dict[str, float] = {}

        def observe(sample: Sample, probability: npt.NDArray[np.float32], own: dict[str, float] = own) -> None:
            own[sample.id] = _score(run, sample, probability)

        try:
            head.switch_off((name,) if name else ())
            metric = {label: run.metrics[label](num_classes=run.num_classes)}
            scores = _pass(predictor, some, metric, observe, None, [], f"without {name}" if name else "all experts")
        except UserError:  # fewer would be left than an image needs
            continue
        finally:
            head.switch_off(())
        found.switched[name], by_image[name] = scores.get(run.monitor, math.nan), own
    found.switched_on = count
    areas = {shot.id: shot.area for shot in found.shots if shot.area and shot.id in by_image[""]}
    by_area = sorted(areas, key=areas.__getitem__)
    for name in by_image.keys() - {""}:
        change = {image: by_image[name][image] - score for image, score in by_image[""].items()}
        columns = [index for index, expert in enumerate(head.experts) if expert == name]
        weights = {image: found.routed[image][columns].sum() for image in change if image in found.routed}
        most = sorted((image for image in weights if weights[image] > 0), key=weights.__getitem__)
        least = quarter(len(by_area))
        quarters: tuple[list[str], ...] = most[-quarter(count) :], by_area[:least], by_area[-least:]
        found.changes[name] = {"all": Change.of(list(change.values()))} | {
            part: Change.of([change[image] for image in images]) for part, images in zip(PARTS, quarters, strict=True)
        }


def quarter(count: int) -> int:
    """At least one."""
    return max(1, round(count / 4))


def _score_by_overlap(found: Revisit) -> None:
    """Rank by intersection over union where the monitored figure is none of single images."""
    found.score, found.lower_is_better = "iou", False
    for shot in found.shots:
        union = sum(shot.shares.values())
        shot.score = shot.shares["found"] / union if shot.area and union else math.nan


def distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of experts, the second of a name with its number."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(found)
