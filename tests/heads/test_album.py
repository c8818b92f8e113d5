"""Which expert took which images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from frame import Sample, UserError, catalog
from frame.config.bind import bind_component
from frame.contracts.callback import EpochInfo, RunInfo, StageInfo
from frame.plugin.component import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from frame_heads.album import Experts

STAGE = StageInfo("main", 2, 1, 1)
NAMES = ("texture", "edge", "context")
SHADES = (40, 120, 200)


def album(folder: Path, *overrides: str) -> Experts:
    found: Experts = bind_component(catalog(), Kind.CALLBACK, "experts", overrides)()
    found.on_run_start(RunInfo("test", folder, 0, "iou", (), (STAGE,), extra_names={"load.0": NAMES, "load.1": NAMES}))
    return found


def see(callback: Experts, *taken: tuple[int, float]) -> None:
    """A validation in which each image, of a shade by its number, goes to one expert with that probability."""
    callback.on_validation_start(len(taken))
    for number, (expert, probability) in enumerate(taken):
        image = np.full((20, 30, 3), SHADES[number], np.uint8)
        load = np.eye(3, dtype=np.float32)[expert]
        router = load * probability + (1 - load) * (1 - probability) / 2
        extras = {"load.0": load, "router.0": router, "load.1": load, "router.1": router}
        callback.on_validation_extras(Sample(image, image[..., 0], str(number)), extras)


def end_epoch(callback: Experts, *, is_best: bool = True) -> None:
    callback.on_epoch_end(EpochInfo(STAGE, 0, 1, {}, {}, {}, is_best, 1.0))


def rows(folder: Path) -> list[str]:
    """The picture's row of each expert, at half its height, right of the names."""
    picture = cv2.imread(str(folder / "experts" / "experts.png"))
    assert picture is not None
    middles = [picture[6 + index * 38 + 16, 150:, 0] for index in range(3)]
    return ["".join(str(SHADES.index(shade)) for shade in row[10::54].tolist() if shade in SHADES) for row in middles]


def test_the_picture_shows_each_experts_images_the_surest_first(tmp_path: Path) -> None:
    callback = album(tmp_path, "height=32")
    see(callback, (1, 0.6), (1, 0.9), (0, 0.5))
    end_epoch(callback)
    assert rows(tmp_path) == ["2", "10", ""]


def test_no_more_images_than_asked_for(tmp_path: Path) -> None:
    callback = album(tmp_path, "height=32", "images=1")
    see(callback, (1, 0.6), (1, 0.9), (1, 0.7))
    end_epoch(callback)
    assert rows(tmp_path) == ["", "1", ""]


def test_the_table_has_utilization_by_level(tmp_path: Path) -> None:
    callback = album(tmp_path)
    see(callback, (1, 0.6), (1, 0.9), (0, 0.5))
    end_epoch(callback)
    table = (tmp_path / "experts" / "experts.md").read_text()
    assert "| texture | 1.00 | 1.00 | 1.00 |" in table
    assert "| edge | 2.00 | 2.00 | 2.00 |" in table
    assert "| context | 0.00 | 0.00 | 0.00 |" in table
    assert {path.name for path in callback.artifacts().values()} == {"experts.md", "experts.png"}


def test_an_epoch_that_is_not_the_best_changes_nothing(tmp_path: Path) -> None:
    callback = album(tmp_path)
    see(callback, (1, 0.6))
    end_epoch(callback)
    before = (tmp_path / "experts" / "experts.png").read_bytes()
    see(callback, (0, 0.6), (0, 0.9))
    end_epoch(callback, is_best=False)
    assert (tmp_path / "experts" / "experts.png").read_bytes() == before


def test_a_head_without_router_leaves_nothing(tmp_path: Path) -> None:
    callback = album(tmp_path)
    callback.on_validation_start(1)
    callback.on_validation_extras(Sample(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), "a"), {})
    end_epoch(callback)
    assert callback.artifacts() == {}
    assert not (tmp_path / "experts").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    callback = album(tmp_path)
    (tmp_path / "experts").write_text("in the way")
    see(callback, (1, 0.6))
    with pytest.raises(UserError, match="cannot write what the experts did"):
        end_epoch(callback)
