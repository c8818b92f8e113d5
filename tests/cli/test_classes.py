"""Four classes from end to end: generated, written as files, read back, trained on, and called by their names."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from tests.cli.small import SMALL, overrides

from frame_datasets.camouflage import Camouflage
from frame_datasets.folder import Folder

NAMES = ("background", "moth", "snake", "starfish")
CLASSES = f"classes={json.dumps(NAMES)}"


@pytest.fixture
def config(quickstart) -> str:
    return quickstart.replace("quickstart", "classes")


@pytest.fixture
def made(call, tmp_path):
    """The four classes as files, and what making them said."""
    done = call(
        *("data", "make", str(tmp_path / "set"), "--layout", "folder", "--train", "10", "--test", "3"),
        *("--set", "resolution=40", "--set", CLASSES),
    )
    assert done.code == 0, done.err
    return tmp_path / "set", done.out


def test_generated_classes_are_written_as_indices_and_read_back(made) -> None:
    root, told = made
    assert f"to read it: [data] with {CLASSES.replace('=', ' = ')}" in told
    data = Folder(split="test", root=root, classes=NAMES)
    source = Camouflage(split="test", resolution=40, classes=NAMES)
    assert len(data) == 3
    for index, sample in enumerate(data):
        assert np.array_equal(sample.mask, source[index].mask)
    colours = {tuple(each) for path in (root / "train" / "masks").iterdir() for each in cv2.imread(str(path))[::4, 0]}
    assert (0, 0, 0) in colours  # a viewer shows them


def test_a_layout_of_one_class_takes_no_classes(call, tmp_path) -> None:
    done = call("data", "make", str(tmp_path / "set"), "--layout", "cod10k", "--set", CLASSES)
    assert done.code == 2
    assert "data set 'cod10k' (frame-seg 0.1.0) can't write masks of 4 classes" in done.err
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("source", ["generated", "files"])
def test_classes_are_called_by_their_names_wherever_a_person_looks(call, config, made, tmp_path, source) -> None:
    small = {"data.resolution": 32, "data.train": 8, "data.validation_images": 4}
    if source == "files":
        small = {"data": f'{{name = "folder", root = "{made[0]}", {CLASSES}}}'}
    done = call("run", config, *overrides(small | SMALL | {"run.folder": tmp_path / "runs"}))
    assert done.code == 0, done.err
    folder = tmp_path / "runs" / "classes"
    table = [line.split() for line in done.out.splitlines()]
    at = next(number for number, row in enumerate(table) if row[:1] == ["moth"])
    assert table[at - 2] == ["iou", "dice"]
    assert [row[0] for row in table[at - 1 : at + 3]] == list(NAMES)
    figures = {f"{metric}/{name}" for metric in ("iou", "dice") for name in NAMES} | {"iou", "dice"}
    recorded = json.loads((folder / "result.json").read_text())
    assert recorded["metrics"].keys() == recorded["baselines"]["mean mask"].keys() == figures
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert history[0]["classes"] == list(NAMES)
    assert next(each for each in history if each["event"] == "epoch")["validation"].keys() == figures
    assert cv2.imread(str(folder / "samples" / "best.png")) is not None
    measured = call("eval", str(folder), "--data", f"made={made[0]}")  # which knows the names by the model's config
    assert measured.code == 0, measured.err
    head, row = (line.split() for line in measured.out.splitlines()[-2:])
    assert set(head[2:]) == figures
    assert row[:2] == ["made", "3"]


def test_a_set_of_one_class_is_no_test_for_a_model_of_four(call, config, tmp_path) -> None:
    small = {"data.resolution": 32, "data.train": 4, "data.validation_images": 2, "run.folder": tmp_path / "runs"}
    assert call("run", config, *overrides(small | SMALL)).code == 0
    assert call("data", "make", str(tmp_path / "set"), "--layout", "camo", "--train", "1", "--test", "2").code == 0
    done = call("eval", str(tmp_path / "runs" / "classes"), "--data", f"CAMO={tmp_path / 'set'}")
    assert done.code == 2
    assert (
        "CAMO: masks of data set 'camo' are of one class; the model tells apart background, moth, snake, starf"
        in done.err
    )


def test_masks_with_more_classes_than_named_end_the_run_with_the_file(call, config, made, tmp_path) -> None:
    three = f'{{name = "folder", root = "{made[0]}", classes = ["background", "moth", "snake"]}}'
    done = call("run", config, *overrides({"data": three} | SMALL | {"run.folder": tmp_path / "runs"}))
    assert done.code == 2
    assert "/masks/camouflage-train-" in done.err
    assert "holds the class 3, but data.classes names 3" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("metrics.cod=cod", 'metrics.cod: metric "cod" serves binary work, but data set "camouflage" is multiclass'),
        ("data.classes=['moth', 'snake']", "give the background first"),
        ("data.classes=['background', 'bear']", "data.classes"),
    ],
)
def test_what_does_not_fit_many_classes_is_told_by_check(call, config, override: str, message: str) -> None:
    done = call("check", config, "--set", override)
    assert done.code == 2
    assert message in done.err
