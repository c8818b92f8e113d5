"""What the measures need of a mask alone: found once, and kept for the next epoch as far as memory was given."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import cv2
import numpy as np

from frame_metrics.maps import joint_counts

if TYPE_CHECKING:
    import numpy.typing as npt

    from frame_metrics.maps import Counts, Levels

FARTHEST = 2**16 - 1
"""Squared distances end here: beyond 256 pixels a weight differs from its limit by less than the last bit."""
REACH = 3
"""Of the 7 x 7 filter that spreads errors within the object."""
_NEIGHBOURS = sorted(
    (dx * dx + dy * dy, dx, dy) for dx in range(-4, 5) for dy in range(-4, 5) if dx * dx + dy * dy <= 2 * REACH**2
)  # as far as the nearest of any pixel in reach can be; of equals the leftmost, then the topmost, as scipy chooses


class Truth:
    """A mask's area, centroid and, for the weighted F-measure, its distances: 2 bytes a pixel and 8 a pixel nearby."""

    def __init__(self, foreground: Levels, *, weighted: bool) -> None:
        self.shape = foreground.shape
        self.size = foreground.size
        self.area = int(np.count_nonzero(foreground))
        self.quarters = _quarters(foreground, self.area)
        self.surroundings = Surroundings(foreground) if weighted and self.area else None

    @property
    def nbytes(self) -> int:
        """What keeping it costs."""
        return 2000 + (self.surroundings.nbytes if self.surroundings else 0)

    def counts(self, levels: Levels, foreground: Levels) -> Counts:
        """Of each level in the back- and foreground of each quarter: ``[4, 2, 256]``."""
        return np.stack([joint_counts(levels[quarter], foreground[quarter]) for quarter in self.quarters])


def _quarters(foreground: Levels, area: int) -> tuple[tuple[slice, slice], ...]:
    """The parts of an image around the mask's centroid, whose row and column belong to the first."""
    height, width = foreground.shape
    row, column = height, width
    if area:
        rows, columns = np.count_nonzero(foreground, axis=1), np.count_nonzero(foreground, axis=0)
        row = round(float(rows @ np.arange(height)) / area) + 1
        column = round(float(columns @ np.arange(width)) / area) + 1
    upper, lower, left, right = slice(0, row), slice(row, height), slice(0, column), slice(column, width)
    return (upper, left), (upper, right), (lower, left), (lower, right)


class Surroundings:
    """Distances of the background from the object, and for each pixel close to it the object's nearest one.

    The same as ``scipy.ndimage.distance_transform_edt`` gives, indices of equally near pixels too, for a tenth of the
    time: the far pixels' nearest ones are of no use.
    """

    def __init__(self, foreground: Levels) -> None:
        distance = cv2.distanceTransform(1 - foreground, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        self.squared: npt.NDArray[np.uint16] = np.minimum(np.rint(np.square(distance)), FARTHEST).astype(np.uint16)
        left, top, width, height = cv2.boundingRect(foreground)
        self.box = (
            slice(max(0, top - REACH), top + height + REACH),
            slice(max(0, left - REACH), left + width + REACH),
        )
        """Where the object is, and what the filter sees around it."""
        self.near, self.nearest = _nearest(foreground[self.box])

    @property
    def nbytes(self) -> int:
        return self.squared.nbytes + self.near.nbytes + self.nearest.nbytes


def _nearest(foreground: Levels) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Flat indices of the background within reach of the foreground, and of the foreground pixel nearest to each."""
    reach = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    near = np.flatnonzero(cv2.dilate(foreground, reach) > foreground)
    margin, width = _NEIGHBOURS[-1][1] + 1, foreground.shape[1]
    padded = np.pad(foreground, margin)
    padded_width = padded.shape[1]
    lookup = padded.ravel()
    places = (near // width + margin) * padded_width + near % width + margin
    nearest = np.zeros_like(near)
    open_ones = np.arange(len(near))
    for _, dx, dy in _NEIGHBOURS:
        found = lookup[places[open_ones] + dy * padded_width + dx] != 0
        settled = open_ones[found]
        nearest[settled] = near[settled] + dy * width + dx
        open_ones = open_ones[~found]
        if not len(open_ones):
            break
    return near.astype(np.int32), nearest.astype(np.int32)


class Memory:
    """The truths that this process keeps, by the content of their masks."""

    def __init__(self) -> None:
        self.kept: dict[object, Truth] = {}
        self.nbytes = 0

    def truth(self, foreground: Levels, *, weighted: bool, budget: int) -> Truth:
        """Of a mask of 0 and 1, from what is kept if it is there.

        One that does not fit into ``budget`` bytes any more is not kept, rather than another put out for it: epochs go
        through the same images in turn, so the least recently used would be needed next.
        """
        if not budget:
            return Truth(foreground, weighted=weighted)
        key = (foreground.shape, weighted, hashlib.blake2b(np.packbits(foreground).tobytes(), digest_size=16).digest())
        truth = self.kept.get(key)
        if truth is None:
            truth = Truth(foreground, weighted=weighted)
            if self.nbytes + truth.nbytes <= budget:
                self.kept[key] = truth
                self.nbytes += truth.nbytes
        return truth

    def forget(self) -> None:
        """Give all of it back."""
        self.kept.clear()
        self.nbytes = 0


memory = Memory()
"""Of this process: metrics are built anew for every epoch, and masks read anew."""
