"""Means that are the same to the last digit however the images are ordered, or shared out among processes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def exact_mean(values: Sequence[float]) -> float:
    """The mean of ``values``, whose sum is rounded once; nan of none."""
    return math.fsum(values) / len(values) if values else math.nan
