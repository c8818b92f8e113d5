"""IoU and Dice: how far a prediction and a mask overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from frame import UserError
from frame_metrics.exact import exact_mean

if TYPE_CHECKING:
    import numpy.typing as npt

    Counts = npt.NDArray[np.int64]

IGNORED = 255
Score = Callable[[Any, Any], Any]
"""From the pixels in both areas, and the sum of both areas, to a score in [0, 1]; numbers or arrays."""


def iou(*, num_classes: int, threshold: float = 0.5) -> ImageOverlap | ClassOverlap:
    """Intersection over union (Jaccard), in figures called ``iou``."""
    return ImageOverlap("iou", jaccard, threshold) if num_classes == 1 else ClassOverlap("iou", jaccard, num_classes)


def dice(*, num_classes: int, threshold: float = 0.5) -> ImageOverlap | ClassOverlap:
    """Dice coefficient, the F1 of pixels, in figures called ``dice``."""
    return ImageOverlap("dice", f1, threshold) if num_classes == 1 else ClassOverlap("dice", f1, num_classes)


def jaccard(both: Any, areas: Any) -> Any:
    """The intersection over the union, which is what the areas sum to less what was counted twice."""
    return both / (areas - both)


def f1(both: Any, areas: Any) -> Any:
    """Twice the intersection over the sum of the areas."""
    return 2 * both / areas


class ImageOverlap:
    """One class: the score of each image, and their mean over images whose mask is not empty.

    On an empty mask any score is 0 or 1 by convention, so those images are told apart: ``empty_false_positive`` is the
    mean share of their pixels that was called foreground, given where there are such images.
    """

    def __init__(self, name: str, score: Score, threshold: float) -> None:
        self.name = name
        self.score = score
        self.threshold = threshold
        self.scores: list[float] = []
        self.false_areas: list[float] = []

    def update(self, probability: npt.NDArray[np.float32], mask: npt.NDArray[np.uint8]) -> None:
        foreground, truth = probability[0] > self.threshold, mask != 0
        found, area = np.count_nonzero(foreground), np.count_nonzero(truth)
        if area:
            self.scores.append(float(self.score(np.count_nonzero(foreground & truth), found + area)))
        else:
            self.false_areas.append(float(found / mask.size))

    def merge(self, other: Self) -> None:
        self.scores += other.scores
        self.false_areas += other.false_areas

    def compute(self) -> dict[str, float]:
        figures = {self.name: exact_mean(self.scores)}
        return figures | ({"empty_false_positive": exact_mean(self.false_areas)} if self.false_areas else {})


class ClassOverlap:
    """Many classes: areas are summed over all images, scored class by class, and the scores averaged.

    The mean IoU of PASCAL VOC, Cityscapes and ADE20K: the likeliest class of each pixel, 255 ignored, the mean over all
    classes (background included) that a mask or a prediction holds. Then each class by its name, or ``class_0`` ...
    ``class_<K-1>`` if they have none, nan where a class was in neither.
    """

    classes: Sequence[str] = ()

    def __init__(self, name: str, score: Score, num_classes: int) -> None:
        self.name = name
        self.score = score
        self.confusion: Counts = np.zeros((num_classes, num_classes), np.int64)  # [mask's class, prediction's]

    def update(self, probability: npt.NDArray[np.float32], mask: npt.NDArray[np.uint8]) -> None:
        classes = len(self.confusion)
        counted = mask != IGNORED
        pairs = mask[counted].astype(np.int64) * classes + probability.argmax(axis=0)[counted]
        counts = np.bincount(pairs, minlength=classes * classes)
        if counts.size > classes * classes:
            raise UserError(
                f"{self.name}: a mask holds class {mask[counted].max()}, but the data set has {classes} classes, "
                "counted from 0; mend the mask, or mark such pixels as ignored with 255"
            )
        self.confusion += counts.reshape(classes, classes)

    def merge(self, other: Self) -> None:
        self.confusion += other.confusion

    def compute(self) -> dict[str, float]:
        areas = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        seen = areas > 0
        scores = np.full(len(areas), np.nan)
        scores[seen] = self.score(self.confusion.diagonal()[seen], areas[seen])
        mean = float(scores[seen].mean()) if seen.any() else float("nan")
        names = self.classes or [f"class_{index}" for index in range(len(scores))]
        named = {
            f"class {name}" if name == self.name else name: score for name, score in zip(names, scores, strict=True)
        }
        return {self.name: mean} | {name: float(score) for name, score in named.items()}
