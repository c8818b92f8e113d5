"""The metric: counts image by image, each at its mask's own size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


class Acme:
    """F-beta of each image, and its mean: with ``beta`` above 1, missing an object is worse than a false alarm.

    An image without object counts 1 if nothing was found in it, and 0 otherwise.

    Parameters
    ----------
    num_classes
        ``K``, 1 here: the component's record says that it serves binary work alone.
    beta
        How many times recall counts as much as precision.
    threshold
        Probability above which a pixel is taken for object.
    """

    def __init__(self, *, num_classes: int, beta: float = 2.0, threshold: float = 0.5) -> None:
        self.beta = beta
        self.threshold = threshold
        self.scores: list[float] = []

    def update(self, probability: npt.NDArray[np.float32], mask: npt.NDArray[np.uint8]) -> None:
        """Count one image: ``[1, H, W]`` in [0, 1] against ``[H, W]`` of 0 and 1."""
        found, true = probability[0] > self.threshold, mask == 1
        both, weight = np.count_nonzero(found & true), self.beta**2
        areas = weight * np.count_nonzero(true) + np.count_nonzero(found)
        self.scores.append(float((1 + weight) * both / areas) if areas else 1.0)

    def merge(self, other: Self) -> None:
        """Add what another process has counted."""
        self.scores += other.scores

    def compute(self) -> dict[str, float]:
        """The mean over images so far, main figure first; ``fsum``, so that their order makes no difference."""
        return {"f_beta": math.fsum(self.scores) / len(self.scores) if self.scores else math.nan}
