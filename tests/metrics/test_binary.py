from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

NAMES = ("iou", "dice", "mae")


def counted(metric, images):
    for probability, mask in images:
        metric.update(probability, mask)
    return metric


def test_iou_is_the_mean_over_images_of_intersection_over_union(metric, images):
    scores = []
    for probability, mask in images:
        found = probability[0] > 0.5
        scores.append((found & (mask == 1)).sum() / (found | (mask == 1)).sum())
    assert counted(metric("iou"), images).compute() == {"iou": pytest.approx(np.mean(scores))}


def test_dice_is_the_mean_over_images_of_twice_the_intersection_over_both_areas(metric, images):
    scores = []
    for probability, mask in images:
        found = probability[0] > 0.5
        scores.append(2 * (found & (mask == 1)).sum() / (found.sum() + mask.sum()))
    assert counted(metric("dice"), images).compute() == {"dice": pytest.approx(np.mean(scores))}


def test_mae_is_the_mean_over_images_of_the_absolute_error(metric, images):
    expected = np.mean([np.abs(probability[0] - mask).mean() for probability, mask in images])
    assert counted(metric("mae"), images).compute() == {"mae": pytest.approx(expected, rel=1e-6)}


def test_a_large_image_counts_no_more_than_a_small_one(metric):
    right, wrong = np.ones((1, 4, 4), np.float32), np.zeros((1, 64, 64), np.float32)
    images = [(right, np.ones((4, 4), np.uint8)), (wrong, np.ones((64, 64), np.uint8))]
    assert [counted(metric(name), images).compute()[name] for name in NAMES] == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("name", ["iou", "dice"])
def test_empty_masks_are_told_apart_and_not_in_the_mean(metric, images, name):
    alone = counted(metric(name), images).compute()
    area = np.zeros((1, 10, 10), np.float32)
    area[0, :3] = 0.9  # 30 % false alarm
    blank = np.zeros((10, 10), np.uint8)
    figures = counted(metric(name), [*images, (area, blank), (np.zeros_like(area), blank)]).compute()
    assert figures == {name: alone[name], "empty_false_positive": pytest.approx(0.15)}


def test_mae_counts_empty_masks(metric):
    blank = np.zeros((4, 4), np.uint8)
    assert counted(metric("mae"), [(np.full((1, 4, 4), 0.25, np.float32), blank)]).compute() == {"mae": 0.25}


def test_foreground_is_what_lies_above_the_threshold(metric):
    probability, mask = np.array([[[0.3, 0.31]]], np.float32), np.array([[1, 1]], np.uint8)
    assert counted(metric("iou", "threshold=0.305"), [(probability, mask)]).compute() == {"iou": 0.5}
    assert counted(metric("iou"), [(np.full((1, 1, 2), 0.5, np.float32), mask)]).compute() == {"iou": 0.0}


@pytest.mark.parametrize("name", NAMES)
def test_merged_and_pickled_parts_make_the_whole(metric, images, name):
    blank = (np.ones((1, 4, 4), np.float32), np.zeros((4, 4), np.uint8))
    whole = counted(metric(name), [*images, blank])
    first, second = counted(metric(name), images[:2]), counted(metric(name), [*images[2:], blank])
    first.merge(pickle.loads(pickle.dumps(second)))  # noqa: S301
    assert first.compute() == pytest.approx(whole.compute())


@pytest.mark.parametrize("name", NAMES)
def test_nothing_seen_is_no_number_and_the_metric_gives_its_name_to_the_first_figure(metric, name):
    figures = metric(name).compute()
    assert list(figures) == [name]
    assert math.isnan(figures[name])


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_plain_numbers(metric, images, name):
    assert {type(value) for value in counted(metric(name), images).compute().values()} == {float}


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_the_same_to_the_last_digit_in_any_order_and_any_sharing_out(metric, name):
    rng = np.random.default_rng(1)
    images = [
        (rng.random((1, 7, 9), np.float32), (rng.random((7, 9)) > 0.6 * (i % 3)).astype(np.uint8)) for i in range(40)
    ]
    whole = counted(metric(name), images).compute()
    for processes in (1, 2, 3):
        first, *others = (counted(metric(name), images[::-1][rank::processes]) for rank in range(processes))
        for other in others:
            first.merge(other)
        assert first.compute() == whole
