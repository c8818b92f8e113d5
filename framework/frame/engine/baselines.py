"""What guesses that look at no image would score: a figure means something only beside them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import cv2
import numpy as np

from frame.data.pipeline import Subset, resized
from frame.engine.validate import figures
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import numpy.typing as npt

    from frame.contracts.dataset import Metric, Sample

TRAINING_MASKS = 256  # enough for a mean


def baselines(
    train: Subset, validation: Subset, size: int, num_classes: int, new_metrics: Callable[[], Mapping[str, Metric]]
) -> dict[str, dict[str, float]]:
    """Figures on ``validation`` of the mean training mask and, for one class, of calling everything foreground."""
    guesses = {"mean mask": mean_mask(train, size, num_classes)}
    if num_classes == 1:
        guesses = {"all foreground": np.ones((1, size, size), np.float32)} | guesses
    counters = {name: new_metrics() for name in guesses}
    for sample in _readable(validation, range(len(validation))):
        height, width = sample.mask.shape
        for name, guess in guesses.items():
            planes = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in guess]
            for metric in counters[name].values():
                metric.update(np.stack(planes).astype(np.float32, copy=False), sample.mask)
    return {
        name: {key: value for label, metric in found.items() for key, value in figures(label, metric.compute()).items()}
        for name, found in counters.items()
    }


def mean_mask(train: Subset, size: int, num_classes: int) -> npt.NDArray[np.float32]:
    """Mean of up to 256 training masks, spread evenly over the set: ``[K, size, size]``."""
    count, read = min(len(train), TRAINING_MASKS), 0
    total = np.zeros((num_classes, size, size), np.float64)
    classes = np.arange(num_classes) if num_classes > 1 else np.array([1])
    for sample in _readable(train, (number * len(train) // count for number in range(count))):
        total += resized(sample.mask, size, mask=True)[None] == classes[:, None, None]
        read += 1
    return (total / max(1, read)).astype(np.float32)


def _readable(subset: Subset, positions: Iterable[int]) -> Iterator[Sample]:
    """The samples that can be read: at the end of a run it is known, and was said, which can't."""
    for position in positions:
        with suppress(UserError):
            yield subset.at(0, position)[1]
