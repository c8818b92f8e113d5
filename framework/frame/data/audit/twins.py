"""Images that are there more than once, whatever their names, qualities and sizes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    import numpy.typing as npt

    from frame.data.audit.look import Print

HASH_DISTANCE = 16
"""Bits of the 128 of a hash that may differ."""
CORRELATION = 0.98
"""Of the 32 x 32 thumbnails of what is nearly the same. CAMO's photographs of one scene stay below .97, and the same
photograph at JPEG quality 20 to 95 and four fifths to five quarters of its size above .99."""
_FLAT = 1.0  # standard deviation of a thumbnail without anything to compare, in levels
_ROWS = 512


def same(prints: Mapping[int, Print]) -> list[list[int]]:
    """Groups of keys with the same decoded pixels."""
    return [group for group in _by_digest(prints) if len(group) > 1]


def nearly_same(prints: Mapping[int, Print]) -> list[list[int]]:
    """Groups of keys whose images are alike but not the same; of those that are the same, one stands for all."""
    keys = [group[0] for group in _by_digest(prints) if prints[group[0]].thumbnail.std() > _FLAT]
    if not keys:
        return []
    # As -1 and 1 the bits' product counts those that differ, by the fastest routine there is.
    signs = np.where(np.stack([prints[key].bits for key in keys]), np.float32(1), np.float32(-1))
    thumbnails = _standardized(np.stack([prints[key].thumbnail for key in keys]))
    least = signs.shape[1] - 2 * HASH_DISTANCE
    labels = np.arange(len(keys))  # of groups: the same for what is joined
    for start in range(0, len(keys), _ROWS):
        rows, columns = np.nonzero(signs[start : start + _ROWS] @ signs[start:].T >= least)
        rows, columns = rows[columns > rows] + start, columns[columns > rows] + start
        left, at_left = np.unique(rows, return_inverse=True)
        right, at_right = np.unique(columns, return_inverse=True)
        alike = (thumbnails[left] @ thumbnails[right].T)[at_left, at_right] >= CORRELATION
        rows, columns = rows[alike], columns[alike]
        for row in np.unique(rows):
            labels[np.isin(labels, labels[columns[rows == row]])] = labels[row]
    groups = (np.flatnonzero(labels == label) for label in np.unique(labels))
    return [[keys[index] for index in group] for group in groups if len(group) > 1]


def _by_digest(prints: Mapping[int, Print]) -> Iterable[list[int]]:
    found: defaultdict[Hashable, list[int]] = defaultdict(list)
    for key, each in prints.items():
        found[each.digest].append(key)
    return found.values()


def _standardized(thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """``[N, 32 * 32]`` of mean 0 and length 1, so that a product is a correlation."""
    flat = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    return flat
