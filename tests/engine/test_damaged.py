"""200 damaged files of every kind among good ones: training ends, and names each of them."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from tests.damaged import KINDS, mask, write_damaged_set, write_good

from frame import UserError


@pytest.fixture
def damaged(tmp_path):
    found = write_damaged_set(tmp_path / "set", good=60)
    assert len(found) == 200
    assert set(KINDS) < {each.kind for each in found}
    return found


def table(root, unreadable: str, workers: int = 0, **more):
    data = {"name": "folder", "root": str(root), "size": 16, "workers": workers, "validation": 0.2}
    return {**data, "unreadable": unreadable, **more}


@pytest.mark.parametrize("workers", [0, 2])
def test_training_ends_and_names_each_of_them(train, damaged, tmp_path, capfd, workers: int) -> None:
    result = train(
        "stages.decoder.epochs=1",
        "stages.finetune.epochs=1",
        data=table(tmp_path / "set", "skip", workers),
        callbacks={"recorder": "recorder", "terminal": "terminal", "history": "history"},
    )
    told = json.loads((result.folder / "result.json").read_text())["unreadable"]
    shown = capfd.readouterr().out.splitlines()
    history = (result.folder / "history.jsonl").read_text()
    for path, kind in damaged:
        (text,) = [each for each in told if f"{path} " in each]
        assert shown.count(f"notice  skipped: {text}") == 1, kind
        assert json.dumps(f"skipped: {text}") in history
    assert len(told) == len(damaged)
    assert result.metrics["accuracy/images"] >= 3  # what is left of the 52 that were held out
    assert [entry[4] for entry in train.log if entry[0] == "step"] == list(range(1, 1 + 70 + 52))


def test_by_default_the_first_of_them_ends_the_run_in_one_message(train, damaged, tmp_path) -> None:
    with pytest.raises(UserError) as caught:
        train(data=table(tmp_path / "set", "raise"))
    assert sum(f"{each.path} " in str(caught.value) for each in damaged) == 1
    assert "\n" not in str(caught.value)


def test_a_class_that_is_not_named_is_one_of_them(train, tmp_path) -> None:
    root = tmp_path / "set"
    write_good(root / "images", 12)
    (root / "masks").mkdir()
    for number in range(12):
        stray = 7 if number == 5 else 1
        cv2.imwrite(str(root / "masks" / f"good-{number:03d}.png"), mask(number)[..., 0] // 255 * np.uint8(stray))
    result = train(
        "stages.decoder.epochs=1",
        "stages.finetune.epochs=1",
        data=table(root, "skip", classes=["background", "cat", "dog"]),
        head="head",
    )
    (told,) = json.loads((result.folder / "result.json").read_text())["unreadable"]
    assert "good-005.png holds the class 7, but data.classes names 3" in told
