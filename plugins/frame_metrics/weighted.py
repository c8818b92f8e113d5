"""The weighted F-measure (Margolin et al., CVPR 2014), beta 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from frame_metrics.maps import EPS
from frame_metrics.truth import FARTHEST, REACH

if TYPE_CHECKING:
    from frame_metrics.maps import Levels, Values
    from frame_metrics.truth import Surroundings, Truth

_GAUSS = np.exp(-(np.arange(-REACH, REACH + 1) ** 2) / (2 * 5**2))
_GAUSS /= _GAUSS.sum()
_WEIGHTS = 2 - np.exp(np.log(0.5) / 5 * np.sqrt(np.arange(FARTHEST + 1)))  # by squared distance from the object
_WEIGHTS[0] = 0  # the object itself


def weighted_f_measure(levels: Levels, foreground: Levels, values: Values, truth: Truth) -> float:
    """Of a map whose 256 levels have ``values``; 0 on an empty mask, as in the toolboxes."""
    around = truth.surroundings
    if around is None:
        return 0.0
    missed = _missed(levels[around.box], foreground[around.box], values, around)
    false = float(np.einsum("hw,hw->", _WEIGHTS[around.squared], cv2.LUT(levels, values)))  # not BLAS: no threads
    true = truth.area - missed
    recall, precision = 1 - missed / truth.area, true / (true + false + EPS)
    return 2 * recall * precision / (recall + precision + EPS)


def _missed(levels: Levels, foreground: Levels, values: Values, around: Surroundings) -> float:
    """Sum of the errors within the object, each lowered to the mean error around it where that is less.

    Background close by counts with the error of the object's nearest pixel.
    """
    errors = np.asarray(cv2.LUT(levels, 1 - values), np.float64)
    flat = errors.reshape(-1)
    flat[around.near] = flat[around.nearest]
    spread = cv2.sepFilter2D(errors, cv2.CV_64F, _GAUSS, _GAUSS, borderType=cv2.BORDER_CONSTANT)
    np.minimum(errors, spread, out=errors)
    errors *= foreground
    return float(errors.sum())
