"""The best checkpoint on the validation images once more: what the page shows beyond what the run has written."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from frame.config.bind import bind
from frame.config.document import read
from frame.engine.inference.predictor import assembled
from frame.engine.inference.saved import read_saved
from frame.engine.plan import split_data
from frame.report.page.missed_experts import without_each
from frame.report.page.pictures import Shot
from frame.report.page.predictions import predict, score

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from frame.contracts.dataset import Sample
    from frame.plugin.catalog import Catalog
    from frame.report.page.missed_experts import Lost

    Extras = Mapping[str, npt.NDArray[np.float32]]

ROUTER, LOAD = "router.", "load."


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
    lost: list[Lost] = field(default_factory=list)
    """What is lost without each expert, by the monitored figure first."""

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
        shot.score = score(run, sample, probability)
        found.shots.append(shot)

    def observe_extras(sample: Sample, extras: Extras) -> None:
        levels = {key.removeprefix(LOAD): load for key, load in extras.items() if key.startswith(LOAD)}
        for level, load in levels.items():
            found.loads[level] = found.loads.get(level, 0) + load.astype(np.int64)
        if levels and all(ROUTER + level in extras for level in levels):
            chosen = np.max(list(levels.values()), axis=0) > 0
            found.routed[sample.id] = np.mean([extras[ROUTER + level] for level in levels], axis=0) * chosen

    predict(predictor, validation, {}, observe, observe_extras, found.unreadable, "validation images")
    names = predictor.model.extra_names
    found.experts = next((names[LOAD + level] for level in found.loads if LOAD + level in names), ())
    if found.loads:
        found.experts = found.experts or tuple(f"expert {i}" for i in range(len(next(iter(found.loads.values())))))
        areas = {shot.id: shot.area for shot in found.shots}
        found.lost = without_each(predictor, validation, run, areas, found.routed, lower_is_better=lower_is_better)
    if not any(math.isfinite(shot.score) for shot in found.shots):
        _score_by_overlap(found)
    return found


def _score_by_overlap(found: Revisit) -> None:
    """Rank by intersection over union where the monitored figure is none of single images."""
    found.score, found.lower_is_better = "iou", False
    for shot in found.shots:
        union = sum(shot.shares.values())
        shot.score = shot.shares["found"] / union if shot.area and union else math.nan
