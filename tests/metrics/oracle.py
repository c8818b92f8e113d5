"""500 pairs of map and mask, and what pysodmetrics says of them.

Its figures are kept in ``pysodmetrics.csv``, because no release of it installs beside current numpy and OpenCV. Where
it is there all the same, a test asks it again, and ``python -m tests.metrics.oracle`` writes the file anew.
"""

from __future__ import annotations

import csv
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FILE = Path(__file__).with_name("pysodmetrics.csv")
FIGURES = ("s", "e_mean", "e_max", "e_adaptive", "f_mean", "f_max", "f_adaptive", "wf", "mae")
PAIRS = 500


def pairs() -> Iterator[tuple[Any, Any]]:
    """Maps ``[H, W]`` of 8 bits and masks of 0 and 1; the same on every machine, for this generator is frozen."""
    rng = np.random.RandomState(0)
    for number in range(PAIRS):
        shape = tuple(rng.randint(2, 90, 2))
        mask = _mask(rng, shape, number % 7)
        yield _map(rng, mask, number // 7 % 7), mask


def _mask(rng: Any, shape: tuple[int, ...], kind: int) -> Any:
    mask = np.zeros(shape, np.uint8)
    if kind == 1:
        mask[:] = 1
    elif kind == 2:
        for _ in range(rng.randint(1, 4)):
            mask[rng.randint(shape[0]), rng.randint(shape[1])] = 1
    elif kind == 3:
        mask[rng.randint(0, 100, shape) < rng.randint(1, 100)] = 1
    elif kind > 3:
        mask[_ellipse(rng, shape) < 1] = 1
    return mask


def _map(rng: Any, mask: Any, kind: int) -> Any:
    shape = mask.shape
    if kind == 0:
        return np.full(shape, rng.randint(256), np.uint8)
    if kind == 1:
        return mask * np.uint8(255)
    if kind == 2 and mask.size % 2:  # twice the mean is one of its levels: 2 (102 m + 255) = 102 (2 m + 5)
        levels = np.repeat(np.array([0, 102, 255], np.uint8), [mask.size // 2 + 2, mask.size // 2 - 2, 1])
        rng.shuffle(levels)
        return levels.reshape(shape)
    if kind == 2:
        return np.where(rng.randint(0, 2, shape), rng.randint(256), rng.randint(256)).astype(np.uint8)
    if kind == 3:
        return rng.randint(0, 256, shape).astype(np.uint8)
    near = np.clip(160 - 80 * _ellipse(rng, shape), 0, 160) if kind == 4 else rng.randint(60, 130) * mask
    return np.clip(near + rng.randint(0, 1 + 20 * kind, shape), 0, 255).astype(np.uint8)


def _ellipse(rng: Any, shape: tuple[int, ...]) -> Any:
    """Squared distance from somewhere, 1 at the edge of an ellipse; of exact operations only."""
    y, x = (np.arange(size) for size in shape)
    top, left = rng.randint(0, shape[0]), rng.randint(0, shape[1])
    a, b = rng.randint(1, 40, 2)
    return ((y - top) ** 2)[:, None] / (a * a) + ((x - left) ** 2)[None] / (b * b)


def by_pysodmetrics(images: Iterable[tuple[Any, Any]]) -> dict[str, float]:
    """The figures of a set of maps and masks."""
    import py_sod_metrics

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it divides by 0 where an object lies in the last row or column
        parts = [
            getattr(py_sod_metrics, name)() for name in ("Smeasure", "Emeasure", "Fmeasure", "WeightedFmeasure", "MAE")
        ]
        for levels, mask in images:
            for part in parts:
                part.step(levels, mask * np.uint8(255))
    s, e, f, wf, mae = (part.get_results() for part in parts)
    e, f = e["em"], f["fm"]
    curves = [e["curve"].mean(), e["curve"].max(), e["adp"], f["curve"].mean(), f["curve"].max(), f["adp"]]
    return dict(zip(FIGURES, map(float, [s["sm"], *curves, wf["wfm"], mae["mae"]]), strict=True))


def kept() -> list[dict[str, float]]:
    with FILE.open(newline="") as lines:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]


if __name__ == "__main__":
    with FILE.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, FIGURES, lineterminator="\n")
        writer.writeheader()
        for each in pairs():
            writer.writerow({name: f"{value:.13g}" for name, value in by_pysodmetrics([each]).items()})
