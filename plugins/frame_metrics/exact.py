"""Means that are the same to the last digit however the images are ordered, or shared out among processes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_ONE = 2**40  # so that 8 million curves fit into 63 bits, each rounded by less than 1e-12


def exact_mean(values: Sequence[float]) -> float:
    """The mean of ``values``, whose sum is rounded once; nan of none."""
    return math.fsum(values) / len(values) if values else math.nan


class MeanCurve:
    """The mean of curves of ``points`` values in [0, 2]: a sum of integers, which has no order, in 8 bytes a point."""

    def __init__(self, points: int) -> None:
        self.total = np.zeros(points, np.int64)
        self.count = 0

    def add(self, curve: npt.NDArray[np.float64]) -> None:
        self.total += np.rint(curve * _ONE).astype(np.int64)
        self.count += 1

    def merge(self, other: Self) -> None:
        self.total += other.total
        self.count += other.count

    def mean(self) -> npt.NDArray[np.float64]:
        """Nan where no curve was added."""
        return self.total / (self.count * _ONE) if self.count else np.full(len(self.total), math.nan)
