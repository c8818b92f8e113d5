"""Distances and nearest pixels against scipy's, which the toolboxes use."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.ndimage import convolve, distance_transform_edt

from frame_metrics.maps import joint_counts
from frame_metrics.truth import FARTHEST, Truth
from frame_metrics.weighted import _GAUSS

SHAPES = [(1, 1), (1, 30), (30, 1), (2, 3), (40, 50), (97, 61), (300, 200)]


def masks(shape):
    rng = np.random.default_rng(sum(shape))
    for share in (0.001, 0.01, 0.1, 0.5, 0.9, 1.0):
        yield (rng.random(shape) < share).astype(np.uint8)
    for coarse in (3, 5, 9):
        blobs = cv2.resize(rng.random((coarse, coarse)), shape[::-1], interpolation=cv2.INTER_CUBIC)
        yield (blobs > 0.6).astype(np.uint8)
    corner = np.zeros(shape, np.uint8)
    corner[-1, -1] = 1
    yield corner


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_distances_and_nearest_pixels_are_scipys(shape):
    seen = 0
    for mask in filter(np.any, masks(shape)):
        around = Truth(mask, weighted=True).surroundings
        distance, (rows, columns) = distance_transform_edt(mask == 0, return_indices=True)
        assert np.array_equal(around.squared, np.minimum(np.rint(distance**2), FARTHEST))
        assert np.all(mask[around.box].sum() == mask.sum())
        top, left = (part.start for part in around.box)
        width = mask[around.box].shape[1]
        y, x = around.near // width + top, around.near % width + left
        assert np.array_equal(around.nearest // width + top, rows[y, x])
        assert np.array_equal(around.nearest % width + left, columns[y, x])
        reach = cv2.dilate(mask, np.ones((7, 7), np.uint8))
        assert len(y) == np.count_nonzero(reach) - np.count_nonzero(mask)
        seen += len(y)
    assert seen or shape == (1, 1)


def test_far_pixels_weigh_as_much_as_the_farthest_that_is_told_apart():
    mask = np.zeros((4, 700), np.uint8)
    mask[:, 0] = 1
    squared = Truth(mask, weighted=True).surroundings.squared
    assert squared[0, 255] == 255**2
    assert squared[0, 256:].tolist() == [FARTHEST] * 444
    assert np.finfo(np.float64).eps * 2 > 2 ** (-(FARTHEST**0.5) / 5)


def test_the_filter_is_scipys():
    errors = np.random.default_rng(0).random((60, 70))
    ours = cv2.sepFilter2D(errors, cv2.CV_64F, _GAUSS, _GAUSS, borderType=cv2.BORDER_CONSTANT)
    kernel = np.exp(-np.add.outer(np.arange(-3, 4) ** 2, np.arange(-3, 4) ** 2) / 50)
    theirs = convolve(errors, kernel / kernel.sum(), mode="constant")
    assert np.abs(ours - theirs).max() < 1e-14


def test_a_centroid_is_numpys_and_belongs_to_the_first_quarter():
    for mask in filter(np.any, masks((40, 50))):
        (upper, left), _, (lower, right) = (Truth(mask, weighted=False).quarters[at] for at in (0, 1, 3))
        row, column = np.argwhere(mask).mean(axis=0).round()
        assert (upper.stop, lower.start, left.stop, right.start) == (row + 1, row + 1, column + 1, column + 1)


def test_levels_of_very_large_maps_are_counted_exactly():
    levels, mask = np.zeros((4097, 4096), np.uint8), np.zeros((4097, 4096), np.uint8)
    levels[0, 0], mask[0, :3] = 7, 1
    counts = joint_counts(levels, mask)
    assert (counts[0, 0], counts[1, 0], counts[1, 7]) == (4097 * 4096 - 3, 2, 1)
