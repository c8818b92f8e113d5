"""``frame eval``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Two masks and perfect maps of them, in ``masks`` and ``maps``."""
    for number in range(2):
        mask = np.zeros((20, 30), np.uint8)
        mask[5 : 10 + number, 8:20] = 255
        for folder in ("masks", "maps"):
            (tmp_path / folder).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / folder / f"{number}.png"), mask)
    return tmp_path


def test_saved_maps_are_scored_and_tables_written(masks: Path, call) -> None:
    done = call(
        "eval", "--predictions", str(masks / "maps"), "--data", f"mine={masks / 'masks'}", "-o", str(masks / "out")
    )
    assert done.code == 0, done.err
    header, row = (line.split() for line in done.out.splitlines()[-2:])
    assert row[:2] == ["mine", "2"]
    assert dict(zip(header, row, strict=True))["iou"] == "1.0000"
    assert sorted(path.name for path in (masks / "out").iterdir()) == [
        "eval.csv",
        "eval.json",
        "eval.tex",
        "images.csv",
    ]


def test_json_is_for_programs(masks: Path, call) -> None:
    done = call("eval", "--predictions", str(masks / "maps"), "--data", str(masks / "masks"), "--json")
    assert json.loads(done.out)["data"]["masks"]["figures"]["mae"] == pytest.approx(0)


def test_what_is_left_out_is_named_and_the_exit_code_says_so(masks: Path, call) -> None:
    (masks / "maps" / "1.png").unlink()
    done = call("eval", "--predictions", str(masks / "maps"), "--data", f"mine={masks / 'masks'}")
    assert done.code == 1
    assert "left out: mine: 1: there is no map of it" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a checkpoint, or a folder of predictions"),
        (["nowhere"], "there is no nowhere"),
        (["--predictions", "x", "--data", "a=x", "--data", "a=y"], "two rows have the same name"),
        (["run", "--scales", "0"], "--scales takes numbers above 0"),
        (["run", "--scales", "nan"], "--scales takes numbers above 0"),
        (["run", "--workers", "-1"], "--workers from 0 on"),
    ],
)
def test_what_a_user_gets_wrong_is_one_message(arguments: list[str], message: str, call) -> None:
    done = call("eval", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err
