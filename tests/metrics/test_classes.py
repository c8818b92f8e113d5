from __future__ import annotations

import math
import pickle
import subprocess
import sys

import numpy as np
import pytest

from frame import UserError

CLASSES = 4


@pytest.fixture
def images():
    rng = np.random.default_rng(1)
    return [
        (rng.random((CLASSES, 9, 7), np.float32), rng.choice([0, 1, 2, 255], size=(9, 7)).astype(np.uint8))
        for _ in range(5)
    ]


def counted(metric, images):
    for probability, mask in images:
        metric.update(probability, mask)
    return metric


@pytest.mark.parametrize("name", ["iou", "dice"])
def test_areas_are_summed_over_images_and_scored_class_by_class(metric, images, name):
    found = np.concatenate([probability.argmax(axis=0).ravel() for probability, _ in images])
    truth = np.concatenate([mask.ravel() for _, mask in images])
    found, truth = found[truth != 255], truth[truth != 255]
    both = np.array([((found == c) & (truth == c)).sum() for c in range(CLASSES)])
    areas = np.array([(found == c).sum() + (truth == c).sum() for c in range(CLASSES)])
    scores = both / (areas - both) if name == "iou" else 2 * both / areas
    figures = counted(metric(name, num_classes=CLASSES), images).compute()
    expected = {name: scores.mean()} | {f"class_{c}": scores[c] for c in range(CLASSES)}
    assert figures == pytest.approx(expected)
    assert next(iter(figures)) == name


@pytest.mark.parametrize("name", ["iou", "dice"])
def test_figures_of_classes_go_by_the_names_that_they_are_given(metric, images, name):
    numbered, named = metric(name, num_classes=CLASSES), metric(name, num_classes=CLASSES)
    named.classes = ("ground", "cat", name, "owl")  # of which one is called as the main figure is
    found = counted(named, images).compute()
    assert list(found) == [name, "ground", "cat", f"class {name}", "owl"]
    assert list(found.values()) == pytest.approx(list(counted(numbered, images).compute().values()))


def test_a_class_in_no_mask_and_no_prediction_is_no_number_and_not_in_the_mean(metric):
    mask = np.array([[0, 1]], np.uint8)
    probability = np.eye(CLASSES, dtype=np.float32)[mask].transpose(2, 0, 1)
    figures = counted(metric("iou", num_classes=CLASSES), [(probability, mask)]).compute()
    assert figures["iou"] == figures["class_0"] == figures["class_1"] == 1
    assert math.isnan(figures["class_2"])


def test_wholly_ignored_images_are_nothing_seen(metric):
    blank = (np.ones((CLASSES, 3, 3), np.float32), np.full((3, 3), 255, np.uint8))
    assert math.isnan(counted(metric("iou", num_classes=CLASSES), [blank]).compute()["iou"])


def test_merged_and_pickled_parts_of_many_classes_make_the_whole(metric, images):
    whole = counted(metric("dice", num_classes=CLASSES), images)
    first = counted(metric("dice", num_classes=CLASSES), images[:2])
    second = counted(metric("dice", num_classes=CLASSES), images[2:])
    first.merge(pickle.loads(pickle.dumps(second)))  # noqa: S301
    assert first.compute() == whole.compute()


def test_a_class_that_the_data_set_has_not_is_named(metric, images):
    probability, mask = images[0]
    mask[0, 0] = 7
    with pytest.raises(UserError, match="holds class 7, but the data set has 4 classes"):
        metric("iou", num_classes=CLASSES).update(probability, mask)


def test_metrics_need_no_torch():
    code = (
        "import sys, frame_metrics.overlap, frame_metrics.mae, frame_metrics.options; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
