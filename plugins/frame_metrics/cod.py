"""The figures of the tables in camouflaged and salient object detection, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from frame_metrics.exact import MeanCurve, exact_mean
from frame_metrics.maps import eight_bit, stretched
from frame_metrics.measures import alignment, f_measure, found_adaptively, found_by_threshold, structure
from frame_metrics.truth import memory
from frame_metrics.weighted import weighted_f_measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

CURVES = {"e": alignment, "f": f_measure}
THRESHOLDS = 256
MEGABYTE = 10**6


class ObjectMeasures:
    """S, E, F, weighted F and MAE by the published protocol: means over images, each at its mask's own size.

    Everything is measured on the map stretched to [0, 1] and rounded to 8 bits, as result files have it; so ``mae`` is
    what tables print, not the metric of that name. ``e_mean``, ``e_max``, ``f_mean`` and ``f_max`` are the mean and the
    best of 256 thresholds over the curve of the whole set; ``e_adaptive`` and ``f_adaptive`` take twice the map's mean.

    ``figures``: which, the first being the main one; what none of them needs is not computed. ``keep_mb``: see options.
    """

    lower_is_better = ("mae",)

    def __init__(self, *, num_classes: int, figures: Sequence[str], keep_mb: int, count_empty: bool) -> None:
        if num_classes != 1:
            raise ValueError(f"cod is defined for one class, not for {num_classes}")
        self.figures = tuple(figures)
        self.budget = keep_mb * MEGABYTE
        self.count_empty = count_empty
        self.values: dict[str, list[float]] = {name: [] for name in figures if not name.endswith(("_mean", "_max"))}
        self.curves = {key: MeanCurve(THRESHOLDS) for key in CURVES if {f"{key}_mean", f"{key}_max"} & set(figures)}

    def update(self, probability: npt.NDArray[np.float32], mask: npt.NDArray[np.uint8]) -> None:
        foreground = (mask != 0).view(np.uint8)
        truth = memory.truth(foreground, weighted="wf" in self.values, budget=self.budget)
        if not (truth.area or self.count_empty):
            return
        levels = eight_bit(probability[0])
        parts = truth.counts(levels, foreground)
        counts = parts.sum(axis=0)
        values = stretched(counts.sum(axis=0))
        if self.curves:
            outside, inside = found_by_threshold(counts, values)
            for key, curve in self.curves.items():
                curve.add(CURVES[key](inside, outside, truth))
        for name, found in self.values.items():
            match name:
                case "s":
                    figure = structure(parts, values, truth)
                case "wf":
                    figure = weighted_f_measure(levels, foreground, values, truth)
                case "mae":
                    figure = (counts[0] @ values + counts[1] @ (1 - values)) / truth.size
                case _:
                    outside, inside = found_adaptively(counts, values, truth, levels)
                    figure = CURVES[name[0]](inside, outside, truth)
            found.append(float(figure))

    def merge(self, other: Self) -> None:
        for name in self.values:
            self.values[name] += other.values[name]
        for key, curve in self.curves.items():
            curve.merge(other.curves[key])

    def compute(self) -> dict[str, float]:
        found = {name: exact_mean(values) for name, values in self.values.items()}
        for key, curve in self.curves.items():
            mean = curve.mean()
            found |= {f"{key}_mean": float(mean.mean()), f"{key}_max": float(mean.max())}
        return {name: found[name] for name in self.figures}
