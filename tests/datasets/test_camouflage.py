from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys

import cv2
import numpy as np
import pytest

from frame_datasets.camouflage import Camouflage
from frame_datasets.options import CamouflageOptions

DIGEST = """
import hashlib, sys
import cv2
from frame_datasets.camouflage import Camouflage
cv2.setNumThreads(int(sys.argv[1]))
data = Camouflage(split="train", seed=3, resolution=200)
print(hashlib.sha256(b"".join(data[i].image.tobytes() + data[i].mask.tobytes() for i in range(6))).hexdigest())
"""


def same(first, second):
    return (
        first.id == second.id and np.array_equal(first.image, second.image) and np.array_equal(first.mask, second.mask)
    )


def test_a_sample_is_a_function_of_seed_split_and_index():
    data, again = Camouflage(split="train", seed=5), Camouflage(split="train", seed=5)
    later, first = again[9], again[4]  # in another order
    assert same(data[4], first)
    assert same(data[9], later)
    assert not np.array_equal(data[4].image, data[9].image)
    assert not np.array_equal(data[4].image, Camouflage(split="train", seed=6)[4].image)


@pytest.mark.parametrize("threads", [1, 4])
def test_another_process_gives_the_same_bytes_with_any_number_of_threads(threads):
    data = Camouflage(split="train", seed=3, resolution=200)
    here = hashlib.sha256(b"".join(data[i].image.tobytes() + data[i].mask.tobytes() for i in range(6))).hexdigest()
    command = [sys.executable, "-c", DIGEST, str(threads)]
    there = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert there == here


def test_no_image_of_one_split_is_in_another():
    digests = [
        Camouflage(split=split)[i].image.tobytes() for split in ("train", "validation", "test") for i in range(20)
    ]
    assert len(set(digests)) == 60


@pytest.mark.parametrize("resolution", [32, 100, 352])
def test_image_and_mask_have_the_resolution_asked_for(resolution):
    sample = Camouflage(split="test", resolution=resolution)[0]
    assert sample.image.shape == (resolution, resolution, 3)
    assert sample.mask.shape == (resolution, resolution)
    assert sample.image.dtype == sample.mask.dtype == np.uint8
    assert sample.image.flags.c_contiguous
    assert set(np.unique(sample.mask)) == {0, 1}


def test_each_object_is_one_piece_of_3_to_35_percent_inside_the_image():
    data = Camouflage(split="train")
    for index in range(150):
        mask = data[index].mask
        assert 0.028 < mask.mean() < 0.365  # outlines are drawn with their border
        assert cv2.connectedComponents(mask)[0] <= 3  # at most a tip falls off where a neck is thinner than a pixel
        assert mask[1:-1, 1:-1].sum() == mask.sum()


def test_objects_are_in_all_parts_of_the_image():
    data = Camouflage(split="train", resolution=64)
    seen = np.mean([data[index].mask for index in range(300)], axis=0)
    quadrants = [seen[:32, :32].mean(), seen[:32, 32:].mean(), seen[32:, :32].mean(), seen[32:, 32:].mean()]
    assert max(quadrants) < 1.3 * min(quadrants)


def tone_contrast(difficulty):
    """Mean difference of colour between objects and the ground around them."""
    data = Camouflage(split="train", difficulty=difficulty)
    found = []
    for index in range(40):
        image, mask, _ = data[index]
        ring = cv2.dilate(mask, np.ones((15, 15), np.uint8)) - mask
        found.append(np.abs(image[mask == 1].mean(axis=0) - image[ring == 1].mean(axis=0)).mean())
    return np.mean(found)


def test_tone_gives_objects_away_the_less_the_higher_the_difficulty():
    easy, middle, hard = tone_contrast(0.0), tone_contrast(0.4), tone_contrast(1.0)
    assert easy > 1.3 * middle
    assert middle > 1.3 * hard


def test_at_full_difficulty_the_grain_still_tells_object_and_ground_apart():
    data = Camouflage(split="train", difficulty=1.0)
    turned = []
    for index in range(40):
        image, mask, _ = data[index]
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        x, y = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
        inside = cv2.erode(mask, np.ones((5, 5), np.uint8)) == 1
        outside = cv2.dilate(mask, np.ones((5, 5), np.uint8)) == 0
        twice = [np.angle((x[where] + 1j * y[where]).__pow__(2).sum()) for where in (inside, outside)]
        turned.append(abs(np.angle(np.exp(1j * (twice[0] - twice[1])))) / 2)
    assert np.degrees(np.median(turned)) > 35


def test_the_grain_is_as_fine_in_every_corner():
    data = Camouflage(split="train", resolution=200, empty=1.0)
    grain = np.zeros((2, 2))
    for index in range(30):
        grey = cv2.cvtColor(data[index].image, cv2.COLOR_RGB2GRAY)
        edges = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
        grain += edges.reshape(2, 100, 2, 100).mean(axis=(1, 3))
    assert grain.max() < 1.15 * grain.min()


def test_difficulty_changes_the_image_and_leaves_the_mask():
    easy, hard = (Camouflage(split="train", difficulty=difficulty)[7] for difficulty in (0.0, 1.0))
    assert np.array_equal(easy.mask, hard.mask)
    assert not np.array_equal(easy.image, hard.image)


@pytest.mark.parametrize(("empty", "low", "high"), [(0.0, 0, 0), (0.3, 40, 80), (1.0, 200, 200)])
def test_empty_is_the_share_of_images_without_an_object(empty, low, high):
    data = Camouflage(split="train", resolution=32, empty=empty)
    assert low <= sum(not data[index].mask.any() for index in range(200)) <= high


def test_every_index_from_0_on_is_an_image_and_the_length_is_one_epoch():
    data = Camouflage(split="train", train=10)
    assert len(data) == 10
    assert data.fresh
    ids = [data[index].id for index in (0, 9, 10, 123456)]
    assert ids == [
        "camouflage-train-000000",
        "camouflage-train-000009",
        "camouflage-train-000010",
        "camouflage-train-123456",
    ]
    with pytest.raises(IndexError, match="from 0"):
        data[-1]


def test_each_split_has_its_own_length():
    lengths = {"train": 7, "validation": 5, "test": 3}
    for split, length in lengths.items():
        assert len(Camouflage(split=split, train=7, validation_images=5, test_images=3)) == length


KINDS = ("background", "moth", "snake", "starfish")


def test_kinds_are_classes_of_which_each_image_has_one():
    data = Camouflage(split="train", resolution=64, classes=KINDS)
    seen = [set(np.unique(data[index].mask).tolist()) for index in range(120)]
    assert all(len(each) == 2 and 0 in each for each in seen)
    counts = [sum(index in each for each in seen) for index in (1, 2, 3)]
    assert sum(counts) == 120
    assert min(counts) > 25


def test_kinds_have_the_index_of_their_place_in_the_list():
    some = Camouflage(split="train", resolution=64, classes=("background", "starfish"))
    assert {index for number in range(10) for index in np.unique(some[number].mask)} == {0, 1}
    assert some.describe().endswith(", background, starfish")


def compactness(mask):
    """Of an object's area in that of its convex hull."""
    contours, _ = cv2.findContours((mask > 0).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=cv2.contourArea)
    return cv2.contourArea(outline) / cv2.contourArea(cv2.convexHull(outline))


def test_a_kind_can_be_told_by_its_shape():
    found = {}
    for kind in KINDS[1:]:
        data = Camouflage(split="train", resolution=160, classes=("background", kind))
        found[kind] = [compactness(data[index].mask) for index in range(40)]
    moth, snake, starfish = (np.median(found[kind]) for kind in KINDS[1:])
    assert moth > 0.75 > 0.7 > starfish
    assert starfish > snake + 0.05


def lean(kind, difficulty):
    """How much more red, green and blue objects have than the ground around them, each beside the mean of the three."""
    data = Camouflage(split="train", difficulty=difficulty, classes=("background", kind))
    found = []
    for index in range(40):
        image, mask, _ = data[index]
        ring = cv2.dilate(mask, np.ones((15, 15), np.uint8)) - mask
        found.append(image[mask == 1].mean(axis=0) - image[ring == 1].mean(axis=0))
    found = np.mean(found, axis=0)
    return found - found.mean()


@pytest.mark.parametrize(("kind", "channel"), [("moth", 0), ("snake", 1), ("starfish", 2)])
def test_a_kind_leans_to_its_tone_the_less_the_higher_the_difficulty(kind, channel):
    easy, hard = lean(kind, 0.0)[channel], lean(kind, 1.0)[channel]
    assert easy > 8
    assert abs(hard) < 3


@pytest.mark.parametrize("classes", [("background",), ("moth", "snake"), ("background", "moth", "moth")])
def test_classes_begin_with_the_background_and_name_each_kind_once(classes):
    with pytest.raises(
        ValueError, match='background first, then kinds, each once: \\["background", "moth", "snake"\\]'
    ):
        CamouflageOptions(classes=classes)


def test_it_survives_pickling():
    data = Camouflage(split="validation", difficulty=0.7)
    assert same(pickle.loads(pickle.dumps(data))[2], data[2])  # noqa: S301 - our own bytes


def test_it_describes_itself_with_its_difficulty():
    told = Camouflage(split="train", difficulty=0.25, seed=9).describe()
    assert told == "camouflage, generated: 1024 images of 128 px, seed 9, difficulty 0.25"
