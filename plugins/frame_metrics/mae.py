"""Mean absolute error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from frame_metrics.exact import exact_mean

if TYPE_CHECKING:
    import numpy.typing as npt


class MeanAbsoluteError:
    """Mean over images of ``|probability - mask|``, empty masks included (Perazzi et al., CVPR 2012).

    On the probability as the model gives it. Published tables stretch each map to [0, 1] first: that is ``cod/mae``.
    """

    lower_is_better = ("mae",)

    def __init__(self, *, num_classes: int) -> None:
        if num_classes != 1:
            raise ValueError(f"mae is defined for one class, not for {num_classes}")
        self.errors: list[float] = []

    def update(self, probability: npt.NDArray[np.float32], mask: npt.NDArray[np.uint8]) -> None:
        self.errors.append(float(np.abs(probability[0] - (mask != 0)).mean(dtype=np.float64)))

    def merge(self, other: Self) -> None:
        self.errors += other.errors

    def compute(self) -> dict[str, float]:
        return {"mae": exact_mean(self.errors)}
