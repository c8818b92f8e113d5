"""S, E and F measure of one image, from how often each level occurs in parts of it.

Each follows the field's toolboxes to the last branch; what a measure means is in its paper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from frame_metrics.maps import EPS

if TYPE_CHECKING:
    from frame_metrics.maps import Counts, Values
    from frame_metrics.truth import Truth

ALPHA = 0.5
BETA_SQUARED = 0.3


def structure(parts: Counts, values: Values, truth: Truth) -> float:
    """S-measure (Fan et al., ICCV 2017), alpha 0.5.

    ``parts``: ``[4, 2, 256]``, counts of levels in the back- and foreground of the quarters around the mask's centroid.
    """
    background, foreground = parts.sum(axis=0)
    share = truth.area / truth.size
    if truth.area in (0, truth.size):
        mean = float((background + foreground) @ values) / truth.size
        return mean if truth.area else 1 - mean
    objects = share * _uniformity(foreground, values) + (1 - share) * _uniformity(background, 1 - values)
    regions = sum(
        _similarity(part, values, truth, quarter) * part.sum() / truth.size
        for part, quarter in zip(parts, truth.quarters, strict=True)
        if part.any()  # toolboxes give nan where the object lies in the last row or column alone
    )
    return max(0.0, float(ALPHA * objects + (1 - ALPHA) * regions))


def _uniformity(counts: Counts, values: Values) -> float:
    """Of an object: high where its mean is near 1 and its values differ little."""
    size = int(counts.sum())
    mean = float(counts @ values) / size
    deviation = (float(counts @ (values - mean) ** 2) / (size - 1)) ** 0.5 if size > 1 else 0.0
    return 2 * mean / (mean**2 + 1 + deviation + EPS)


def _similarity(part: Counts, values: Values, truth: Truth, quarter: tuple[slice, slice]) -> float:
    """SSIM of map and mask within a quarter of the image."""
    background, foreground = part
    size, area, both = int(part.sum()), int(foreground.sum()), background + foreground
    y = area / size
    levels = np.flatnonzero(both)
    if len(levels) == 1:
        return float(area in (0, size) and _mean_is_exact(values[levels[0]], truth, quarter))
    if area in (0, size):
        return 0.0
    x = float(both @ values) / size
    deviations = values - x
    sigma_x = float(both @ deviations**2) / (size - 1)
    sigma_y = (area * (1 - y) ** 2 + (size - area) * y**2) / (size - 1)
    sigma_xy = float(foreground @ deviations * (1 - y) - background @ deviations * y) / (size - 1)
    return 4 * x * y * sigma_xy / ((x**2 + y**2) * (sigma_x + sigma_y) + EPS)


def _mean_is_exact(value: float, truth: Truth, quarter: tuple[slice, slice]) -> bool:
    """Whether numpy's mean of ``value`` over the quarter is ``value`` to the last bit.

    Where map and mask are both of one value, toolboxes say 1 if their variance is 0, and 0 if it is 1e-34, which is a
    matter of how numpy rounds a sum over a view of that very shape. It matters for maps of one value only.
    """
    if value in (0, 1):
        return True
    height, width = truth.shape
    rows = np.full((len(range(height)[quarter[0]]), width), value)
    return bool(rows[:, quarter[1]].mean() == value)


def alignment(found_in: Any, found_out: Any, truth: Truth) -> Any:
    """E-measure (Fan et al., IJCAI 2018) of binary maps, from their pixels within and outside the mask; or arrays."""
    found = found_in + found_out
    if truth.area in (0, truth.size):
        total = found if truth.area else truth.size - found
    else:
        p, t = found / truth.size, truth.area / truth.size
        total = sum(
            count * (2 * a * b / (a * a + b * b + EPS) + 1) ** 2 / 4
            for count, a, b in (
                (found_in, 1 - p, 1 - t),
                (found_out, 1 - p, -t),
                (truth.area - found_in, -p, 1 - t),
                (truth.size - truth.area - found_out, -p, -t),
            )
        )
    return total / max(1, truth.size - 1)


def f_measure(found_in: Any, found_out: Any, truth: Truth) -> Any:
    """F-measure (Achanta et al., CVPR 2009), beta squared 0.3, of binary maps, from their pixels as above."""
    precision = found_in / np.maximum(1, found_in + found_out)
    recall = found_in / max(1, truth.area)
    return (1 + BETA_SQUARED) * precision * recall / np.maximum(EPS, BETA_SQUARED * precision + recall)


def found_by_threshold(counts: Counts, values: Values) -> Counts:
    """Pixels at or above each of 256 thresholds, the highest first, in background and foreground: ``[2, 256]``."""
    steps = (values * 255).astype(np.uint8)
    binned = np.zeros((2, 256), np.int64)
    for row, each in zip(binned, counts, strict=True):
        np.add.at(row, steps, each)
    return binned[:, ::-1].cumsum(axis=1)


def found_adaptively(counts: Counts, values: Values, truth: Truth, levels: Any) -> Counts:
    """Pixels at or above twice the map's mean, at most 1, in background and foreground: ``[2]``."""
    threshold = 2 * float(counts.sum(axis=0) @ values) / truth.size
    if np.abs(values - threshold).min() < 1e-9:  # a level lies on it, and toolboxes let numpy's rounding decide
        threshold = 2 * float(values[levels].mean())
    found: Counts = counts[:, values >= min(threshold, 1)].sum(axis=1)
    return found
