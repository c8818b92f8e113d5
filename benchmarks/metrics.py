"""All of the tables' figures for one image: Frame's ``cod`` against PySODMetrics.

    python benchmarks/metrics.py [--images N] [--rounds N] [--data DIR]

S, E, F, weighted F and MAE at 352 x 352 and 768 x 1024, in one thread. Both get the same images, generated ones of
blobs and noisy guesses at them, or with ``--data`` those of a folder of masks (PNG). An image at a time, PySODMetrics,
Frame for the first time (``first``) and Frame again (``again``: a later epoch, what depends on the mask alone being
kept) take turns, so that a noisy machine bothers all alike. Frame starts from the probability, PySODMetrics from the
8-bit map, so that only Frame's time holds the rounding.

The table shows the median milliseconds, the median and quartiles of PySODMetrics' time over Frame's within a turn, what
is kept an image, and the largest difference of any figure of any image. Ends with 1 where one is above 1e-9.

Each release of PySODMetrics asks for older numpy or OpenCV; beside current ones: ``pip install --no-deps pysodmetrics``
and scikit-image and scikit-learn, which it imports.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import warnings
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import py_sod_metrics
from tqdm import tqdm

import frame
from frame.config.bind import bind_component
from frame.plugin.component import Kind
from frame_metrics.maps import eight_bit
from frame_metrics.truth import memory

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = ((352, 352), (768, 1024))
LARGEST = 1e-9
ROW = "{:>10} {:>6} {:>8} {:>13} {:>7} {:>15} {:>9} {:>11}"


class Image(NamedTuple):
    probability: Any  # [1, H, W] float32
    mask: Any  # [H, W] of 0 and 1


def pysodmetrics(levels: Any, mask: Any) -> dict[str, float]:
    """Of one image whose mask is 0 and 255."""
    parts = [
        py_sod_metrics.Smeasure(),
        py_sod_metrics.Emeasure(),
        py_sod_metrics.Fmeasure(),
        py_sod_metrics.WeightedFmeasure(),
        py_sod_metrics.MAE(),
    ]
    for part in parts:
        part.step(levels, mask)
    s, e, f, wf, mae = (part.get_results() for part in parts)
    return {
        "s": s["sm"],
        "e_mean": e["em"]["curve"].mean(),
        "e_max": e["em"]["curve"].max(),
        "e_adaptive": e["em"]["adp"],
        "f_mean": f["fm"]["curve"].mean(),
        "f_max": f["fm"]["curve"].max(),
        "f_adaptive": f["fm"]["adp"],
        "wf": wf["wfm"],
        "mae": mae["mae"],
    }


def images(size: tuple[int, int], count: int, folder: Path | None) -> Iterator[Image]:
    rng = np.random.default_rng(0)
    files = sorted(folder.rglob("*.png")) if folder else []
    files = files[:: max(1, len(files) // count)]
    for number in range(count):
        if files:
            drawn = cv2.imread(str(files[number % len(files)]), cv2.IMREAD_GRAYSCALE)
            mask = (cv2.resize(drawn, size[::-1], interpolation=cv2.INTER_NEAREST) > 128).astype(np.uint8)
        else:
            coarse = rng.random((rng.integers(3, 9),) * 2)
            mask = (cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC) > 0.75).astype(np.uint8)
        noise = cv2.resize(rng.normal(size=(size[0] // 8, size[1] // 8)), size[::-1], interpolation=cv2.INTER_CUBIC)
        logits = cv2.GaussianBlur(8.0 * mask - 4, (0, 0), 4) + 2 * noise
        yield Image((1 / (1 + np.exp(-logits))).astype(np.float32)[None], mask)


class Times(NamedTuple):
    peer: list[float]
    first: list[float]
    again: list[float]


def measure(shown: list[Image], rounds: int, build: Any) -> tuple[Times, float, float]:
    """Seconds of each, bytes kept an image, and the largest difference."""
    times, difference = Times([], [], []), 0.0

    def ours(image: Image) -> dict[str, float]:
        metric = build(num_classes=1)
        metric.update(image.probability, image.mask)
        return dict(metric.compute())

    def timed(spent: list[float], work: Any, *given: Any) -> dict[str, float]:
        started = time.perf_counter()
        found: dict[str, float] = work(*given)
        spent.append(time.perf_counter() - started)
        return found

    kept = 0
    for _ in tqdm(range(rounds), disable=not sys.stderr.isatty(), leave=False):
        for image in shown:
            levels, mask = eight_bit(image.probability[0]), image.mask * np.uint8(255)
            memory.forget()
            theirs = timed(times.peer, pysodmetrics, levels, mask)
            for spent in (times.first, times.again):
                found = timed(spent, ours, image)
                apart = max(abs(found[name] - theirs[name]) for name in found)
                difference = math.inf if math.isnan(apart) else max(difference, apart)
            kept += memory.nbytes
    return times, kept / (rounds * len(shown)), difference


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, help="folder of masks")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    warnings.simplefilter("ignore")
    build = bind_component(frame.catalog(), Kind.METRIC, "cod")
    titles = ("size", "", "ms", "PySODMetrics", "ratio", "quartiles", "kept", "difference")
    print(ROW.format(*titles))
    worst = 0.0
    for size in SIZES:
        shown = list(images(size, args.images, args.data))
        measure(shown[:2], 1, build)  # warms up
        times, kept, difference = measure(shown, args.rounds, build)
        worst, apart = max(worst, difference), f"{difference:.1e}"
        for label, spent in (("first", times.first), ("again", times.again)):
            ratios = [peer / own for peer, own in zip(times.peer, spent, strict=True)]
            low, _, high = quantiles(ratios, n=4)
            cells = (f"{size[0]} x {size[1]}", label, f"{median(spent) * 1e3:.2f}", f"{median(times.peer) * 1e3:.2f}")
            print(ROW.format(*cells, f"{median(ratios):.2f}", f"{low:.2f} - {high:.2f}", f"{kept / 1e6:.2f} MB", apart))
    return int(worst > LARGEST)


if __name__ == "__main__":
    sys.exit(main())
