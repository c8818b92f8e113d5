"""The picture of a schedule, by the colours that are in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from frame import catalog
from frame.config.bind import load_run
from frame.engine.outlook import outlook
from frame.report.schedule_picture import COLOURS, FROZEN, draw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    Picture = Callable[..., npt.NDArray[np.uint8]]

LANES = 0.8  # of the picture's height: beneath are the lanes


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    """Draw the schedule of a config whose stages are given; ``[H, W, 3]`` RGB."""
    tables = {
        "data": {"name": "camouflage", "train": 32},
        "backbone": "edgenext_xx_small",
        "head": "fpn",
        "losses": {"mask": "mask"},
        "metrics": {"iou": "iou"},
    }

    def drawn(**stages: dict[str, object]) -> npt.NDArray[np.uint8]:
        full = {name: {"epochs": 4, "batch_size": 8, "lr": 1e-3} | table for name, table in stages.items()}
        draw(outlook(load_run(tables | {"stages": full}, catalog(), ())), tmp_path / "plan.png")
        return cv2.imread(str(tmp_path / "plan.png"))[:, :, ::-1]

    return drawn


def pixels(picture: npt.NDArray[np.uint8], colour: str) -> npt.NDArray[np.bool_]:
    """Where the picture has exactly a colour, ``[H, W]``."""
    return (picture == [int(colour[at : at + 2], 16) for at in (1, 3, 5)]).all(axis=-1)


def lanes_and_rates(mask: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Pixels of a colour in the lanes, and in the rates above without the legend."""
    height = len(mask)
    return int(mask[int(LANES * height) :].sum()), int(mask[height // 5 : int(LANES * height)].sum())


def test_what_is_frozen_is_hatched_and_has_no_line(picture) -> None:
    free, frozen = picture(main={"backbone_lr_scale": 0.5}), picture(main={"frozen": ("backbone",)})
    blue = COLOURS["backbone"]
    lane, line = lanes_and_rates(pixels(free, blue))
    assert lane > 20_000
    assert line > 1_000
    assert lanes_and_rates(pixels(frozen, blue)) == (0, 0)
    assert lanes_and_rates(pixels(free, FROZEN))[0] < 100  # letters' edges
    assert lanes_and_rates(pixels(frozen, FROZEN))[0] > 5_000


def test_unfreezing_is_a_lane_that_grows_stronger(picture) -> None:
    found = picture(main={"unfreeze": "progressive", "epochs": 6})
    height, width = found.shape[:2]
    row = found[int(LANES * height) :]
    blue = np.flatnonzero(pixels(row, COLOURS["backbone"]).any(axis=0)) / width
    # The whole backbone is trained from two thirds on; the axes reach from 0.085 to 0.975 of the width.
    assert blue.min() == pytest.approx(0.085 + 0.89 * 2 / 3, abs=0.005)
    assert blue.max() == pytest.approx(0.975, abs=0.005)


def test_equal_rates_are_both_seen(picture) -> None:
    found = picture(main={})
    assert all(lanes_and_rates(pixels(found, colour))[1] > 500 for colour in COLOURS.values())


def test_a_part_that_trains_far_slower_is_seen_as_well(picture) -> None:
    """On a linear axis its line would lie on the axis."""
    found = pixels(picture(main={"backbone_lr_scale": 0.001, "min_lr": 1e-4}), COLOURS["backbone"])
    height = len(found)
    rows = np.flatnonzero(found[height // 5 : int(LANES * height)].any(axis=1)) + height // 5
    assert rows.max() - rows.min() > height // 20


@pytest.mark.parametrize(
    "stages",
    [
        {"main": {"epochs": 1, "batch_size": 32}},
        {"long": {"epochs": 500}, "a name too long for its stage": {"epochs": 1}},
        {"$\\frac$": {"scheduler": "onecycle", "warmup": 1.0}},  # no formula
        {"rest": {"frozen": ("head",), "unfreeze": (0.0, 0.5)}, "tail": {"lr": 1e-6, "scheduler": "constant"}},
        {"late": {"unfreeze": (0.5,)}},  # the backbone rests at first
    ],
)
def test_odd_schedules_are_drawn_too(picture, stages) -> None:
    assert picture(**stages).std() > 10
