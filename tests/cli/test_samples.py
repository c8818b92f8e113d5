"""``frame show CONFIG --samples``: a sheet of what training sees."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest


@pytest.fixture
def camo(call, quickstart, tmp_path, monkeypatch) -> tuple[str, ...]:
    """The config on a set of 12 training images, called in an empty folder."""
    sizes = ("--train", "12", "--test", "2", "--set", "resolution=48")
    assert call("data", "make", str(tmp_path / "set"), "--layout", "camo", *sizes).code == 0
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return quickstart.replace("quickstart", "camo"), "--set", f"data.root={tmp_path / 'set'}", "--set", "data.size=64"


def test_the_sheet_is_written_and_said_where(call, camo, tmp_path) -> None:
    done = call("show", *camo, "--samples")
    assert (done.code, done.err) == (0, "")
    told = done.out.splitlines()
    assert told[0].endswith("11 for training, 1 for validation")
    assert told[1] == "samples camo-samples.png"
    assert cv2.imread(str(tmp_path / "here" / "camo-samples.png")).shape[:2] == (1592, 1386)


def test_count_says_how_many_images(call, camo, tmp_path) -> None:
    done = call("show", *camo, "--samples", "few.png", "--count", "2", "--json")
    found = json.loads(done.out)
    assert (found["samples"], len(found["images"])) == ("few.png", 2)
    assert cv2.imread("few.png").shape[0] == 1592 - 4 * 246


def test_another_seed_and_other_transforms_show_other_draws(call, camo) -> None:
    pictures = {}
    for name, words in {
        "a": (),
        "again": (),
        "seed": ("--set", "run.seed=1"),
        "flip": ("--set", "data.augmentation.transforms=[{name = 'VerticalFlip', p = 1.0}]"),
    }.items():
        assert call("show", *camo, *words, "--samples", f"{name}.png").code == 0
        pictures[name] = cv2.imread(f"{name}.png")
    assert np.array_equal(pictures["a"], pictures["again"])
    assert not np.array_equal(pictures["a"], pictures["flip"])
    assert not np.array_equal(pictures["a"], pictures["seed"])


def test_without_augmentation_there_is_one_draw(call, camo) -> None:
    done = call("show", *camo, "--set", "data.augmentation=false", "--samples", "plain.png")
    assert done.code == 0, done.err
    assert cv2.imread("plain.png").shape[1] < 600


def test_a_set_made_as_it_is_needed_shows_every_epochs_own_images(call, quickstart, tmp_path) -> None:
    small = ("--set", "data.resolution=32", "--set", "data.train=20")
    words = ("show", quickstart, *small, "--samples", str(tmp_path / "a.png"), "--count", "1", "--json")
    images = json.loads(call(*words).out)["images"]
    assert images == [f"camouflage-train-{number:06}" for number in (0, 20, 40)]


def test_an_image_that_cannot_be_read_is_one_message(call, camo, tmp_path) -> None:
    for path in (tmp_path / "set").rglob("*.jpg"):
        path.write_bytes(b"no image")
    done = call("show", *camo, "--samples")
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert "is damaged or not an image" in done.err
    assert not list((tmp_path / "here").iterdir())


def test_what_is_wrong_with_the_augmentation_is_one_message(call, camo) -> None:
    done = call("show", *camo, "--set", "data.augmentation.transforms=[{name = 'HorizontalFlp'}]", "--samples")
    assert done.code == 2
    assert "did you mean HorizontalFlip" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("head", "moe", "--samples"), "frame show --samples takes one config"),
        (("CONFIG", "--samples", "sheet.jpg"), "frame show --samples takes one config, and the .png file"),
        (("CONFIG", "--samples", "CONFIG/sheet.png"), "cannot write the picture"),
        (("CONFIG", "--count", "3"), "frame show --count N goes with --samples"),
        (("CONFIG", "--samples", "--count", "0"), "N is from 1 to 64"),
        (("CONFIG", "--samples", "--schedule"), "one at a time"),
    ],
)
def test_what_cannot_be_shown_is_said(call, quickstart, tmp_path, monkeypatch, arguments, message) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("show", *(word.replace("CONFIG", quickstart) for word in arguments))
    assert done.code == 2
    assert message in done.err
