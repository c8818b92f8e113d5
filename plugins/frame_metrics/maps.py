"""The map that published figures are measured on: 8 bits a pixel, stretched to [0, 1]."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Levels = npt.NDArray[np.uint8]
    Values = npt.NDArray[np.float64]
    Counts = npt.NDArray[np.int64]

EPS = float(np.spacing(1))
_ON_GRID = 1e-4  # of a level: a few times what float32 loses in k / 255 * 255
_EXACT_IN_FLOAT32 = 2**24


def eight_bit(probability: npt.NDArray[np.float32]) -> Levels:
    """``[H, W]`` in [0, 1] as the field's test scripts save it: stretched from its own range to 0 ... 255, and rounded.

    A map of one value is not stretched, and one that consists of 256ths already, such as a saved one, stays what it is:
    so files of any model score what the field's toolboxes give them. What is no number is no foreground.
    """
    low, high = float(probability.min()), float(probability.max())
    if math.isnan(low):  # then high is too
        return eight_bit(np.nan_to_num(probability, nan=0.0))
    if low == high or _is_saved_map(probability, low, high):
        levels: Levels = np.rint(probability * np.float32(255)).astype(np.uint8)
    else:
        levels = np.asarray(cv2.convertScaleAbs(probability - np.float32(low), alpha=255 / (high - low)), np.uint8)
    return levels


def _is_saved_map(probability: npt.NDArray[np.float32], low: float, high: float) -> bool:
    if max(abs(edge * 255 - round(edge * 255)) for edge in (low, high)) > _ON_GRID:
        return False  # nearly always, and at no cost
    scaled = probability * np.float32(255)
    return bool(np.abs(scaled - np.rint(scaled)).max() <= _ON_GRID)


def joint_counts(levels: Levels, foreground: Levels) -> Counts:
    """How often each level occurs in the background and in the foreground (a mask of 0 and 1): ``[2, 256]``."""
    if levels.size >= _EXACT_IN_FLOAT32:  # OpenCV's counts are float32
        pairs = levels.astype(np.int64) + 256 * foreground.astype(np.int64)
        return np.bincount(pairs.ravel(), minlength=512).reshape(2, 256)
    if not levels.size:
        return np.zeros((2, 256), np.int64)
    counts = cv2.calcHist([levels, foreground], [0, 1], None, [256, 2], [0, 256, 0, 2])
    return np.asarray(counts, np.int64).T


def stretched(counts: Counts) -> Values:
    """The value in [0, 1] of each of the 256 levels, of which ``counts`` tells which are there at all.

    By the very operations of the toolboxes: thresholds compare these values, and the last bit decides.
    """
    there = np.flatnonzero(counts)
    values = np.arange(256) / 255
    low, high = values[there[0]], values[there[-1]]
    return values if low == high else np.clip((values - low) / (high - low), 0, 1)
