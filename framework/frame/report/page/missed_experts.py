"""What is lost without each expert: some validation images once more, one of the experts switched off at a time."""

from __future__ import annotations

import math
from collections import defaultdict
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from frame.data.pipeline import Subset
from frame.plugin.errors import UserError
from frame.report.page.predictions import predict, score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from frame.config.run import Run
    from frame.contracts.dataset import Sample
    from frame.engine.inference.predictor import Predictor

    ByImage = dict[str, float]

IMAGES = 512
SURE = 16  # of fewer images the error of the mean is little known itself
ERRORS = 3
PARTS = ("its own quarter", "smallest quarter", "largest quarter")
"""Of these images: those that the expert has most weight on, and those with the smallest objects and the largest."""
MAE = "mae"


class Change(NamedTuple):
    """How a figure of the same images differs."""

    images: int
    mean: float
    error: float
    """Standard error of the mean; nan of fewer than two images."""

    @classmethod
    def of(cls, changes: Sequence[float]) -> Change:
        known = [change for change in changes if math.isfinite(change)]
        mean = fmean(known) if known else math.nan
        return cls(len(known), mean, stdev(known) / math.sqrt(len(known)) if len(known) > 1 else math.nan)

    @property
    def is_sure(self) -> bool:
        """Whether it is hardly chance, among the dozens of changes that a page shows."""
        return self.images >= SURE and abs(self.mean) > ERRORS * self.error


class Lost(NamedTuple):
    """What a figure is without each expert."""

    figure: str
    lower_is_better: bool
    images: int
    values: dict[str, float]
    """By expert; under ``""`` with all."""
    changes: dict[str, dict[str, Change]]
    """By expert: of all images, ``"all"``, and of each of ``PARTS``. Of all, without error where it is no mean."""

    def misses(self, expert: str) -> bool:
        """Whether the figure is surely worse without it, over all images or a part of them."""
        sign = 1 if self.lower_is_better else -1
        return any(change.is_sure and sign * change.mean > 0 for change in self.changes[expert].values())


def without_each(
    predictor: Predictor,
    validation: Subset,
    run: Run,
    areas: Mapping[str, float],
    routed: Mapping[str, npt.NDArray[np.float64]],
    *,
    lower_is_better: bool,
) -> list[Lost]:
    """By the monitored figure, and for one class by the mean absolute error, which needs no threshold to be crossed.

    ``areas`` are the objects' sizes and ``routed`` the experts' weights ``[E]``, by image. Empty where the head can't
    switch its experts off.
    """
    head: Any = predictor.model.head
    experts = tuple(dict.fromkeys(getattr(head, "experts", ())))
    if not hasattr(head, "switch_off") or len(experts) < 2:
        return []
    some = _spread(validation)
    label = run.monitor.partition("/")[0]
    soft = run.num_classes == 1 and not run.monitor.endswith(MAE)
    values: defaultdict[str, dict[str, float]] = defaultdict(dict)
    by_image: defaultdict[str, dict[str, ByImage]] = defaultdict(dict)
    for name in ("", *experts):
        scores: ByImage = {}
        errors: ByImage = {}

        def observe(
            sample: Sample, probability: npt.NDArray[np.float32], scores: ByImage = scores, errors: ByImage = errors
        ) -> None:
            scores[sample.id] = score(run, sample, probability)
            if soft:
                errors[sample.id] = float(np.abs(probability[0] - (sample.mask > 0)).mean())

        try:
            head.switch_off((name,) if name else ())
            metric = {label: run.metrics[label](num_classes=run.num_classes)}
            found = predict(predictor, some, metric, observe, None, [], f"without {name}" if name else "all experts")
        except UserError:  # fewer would be left than an image needs
            continue
        finally:
            head.switch_off(())
        values[run.monitor][name], by_image[run.monitor][name] = found.get(run.monitor, math.nan), scores
        if soft:
            values[MAE][name], by_image[MAE][name] = fmean(errors.values() or [math.nan]), errors
    lost = []
    for figure, own in by_image.items():
        whole, total = own.pop(""), values[figure][""]
        changes = {}
        for name, without in own.items():
            change = {image: without[image] - value for image, value in whole.items()}
            columns = [index for index, expert in enumerate(head.experts) if expert == name]
            weights = {image: float(routed[image][columns].sum()) for image in change if image in routed}
            parts = [list(change), *quarters(areas, weights, list(change))]
            everywhere, *others = (Change.of([change[image] for image in images]) for images in parts)
            difference = values[figure][name] - total
            if not math.isclose(everywhere.mean, difference, abs_tol=1e-6):  # the figure is no mean over images
                everywhere = Change(0, difference, math.nan)
            changes[name] = dict(zip(("all", *PARTS), (everywhere, *others), strict=True))
        lost.append(Lost(figure, lower_is_better or figure == MAE, len(some), values[figure], changes))
    return lost


def quarters(
    areas: Mapping[str, float], weights: Mapping[str, float], images: Sequence[str]
) -> tuple[list[str], list[str], list[str]]:
    """The images of each of ``PARTS``: only such as the expert works on, and such as have an object."""
    heaviest = sorted((image for image in images if weights.get(image, 0) > 0), key=weights.__getitem__)
    by_area = sorted((image for image in images if areas.get(image, 0) > 0), key=areas.__getitem__)
    own, extreme = (max(1, round(len(each) / 4)) for each in (images, by_area))
    return heaviest[-own:], by_area[:extreme], by_area[-extreme:]


def _spread(validation: Subset) -> Subset:
    """At most ``IMAGES`` of the set, evenly spread over it."""
    count = min(IMAGES, len(validation))
    chosen = [number * len(validation) // count for number in range(count)]
    indices = range(len(validation)) if validation.indices is None else validation.indices
    return Subset(validation.dataset, [int(indices[at]) for at in chosen])
