"""The page of a run of many classes."""

from __future__ import annotations

import base64
import json

import cv2
import numpy as np
import pytest

from frame import Sample
from frame.data.colours import CLASS_COLOURS
from frame.data.verdicts import VERDICT_COLOURS, draw_errors, verdicts
from frame.report.page.pictures import Shot


def test_each_class_has_a_row_and_a_colour(several, written) -> None:
    folder, plugins = several
    tree = written(folder, plugins)
    figures = json.loads((folder / "result.json").read_text())["metrics"]
    rows = [[cell.text for cell in row.all("th", "td")] for row in next(tree.by_id("classes").all("tbody")).all("tr")]
    rows = [[cell.strip() for cell in row] for row in rows]
    assert [row[0] for row in rows] == ["ground", "red <one>", "blue"]
    assert len(rows[0]) == 4  # a bar, and both metrics
    assert [row[2] for row in rows] == [f"{figures[f'iou/{row[0]}']:.4f}" for row in rows]
    assert "red <one>" not in tree.by_id("figures").text  # there are only the metrics' main ones
    legend = next(each for each in tree.by_id("images").by_class("legend") if each.attributes.get("aria-label"))
    assert [each.text.strip() for each in legend.all("li")] == ["ground", "red <one>", "blue"]
    assert "wrong class" in tree.by_id("images").text


def test_masks_are_in_the_classes_colours(several, written) -> None:
    tree = written(*several)
    mask = next(each for each in tree.by_id("images").all("img") if "mask" in (each.attributes["alt"] or ""))
    data = base64.b64decode(mask.attributes["src"].partition(",")[2])
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    found = {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()}
    assert found == {tuple(CLASS_COLOURS[label].tolist()) for label in (0, 1, 2, 255)}


def test_what_is_kept_of_an_image_is_small_and_exact() -> None:
    mask = np.zeros((700, 500), np.uint8)
    mask[100:400, 50:300], mask[350:500, 250:450] = 1, 2
    certain = np.ascontiguousarray(np.eye(3, dtype=np.float32)[mask].transpose(2, 0, 1))
    shot = Shot.of(Sample(np.full((700, 500, 3), 90, np.uint8), mask, "a"), certain)
    assert max(shot.size) == 288
    assert shot.shares["found"] == pytest.approx((mask > 0).mean())
    assert shot.shares["missed"] == shot.shares["false alarm"] == shot.shares["wrong class"] == 0
    assert len(shot.image) + len(shot.maps) < 20_000
    small = Shot.of(
        Sample(np.zeros((20, 30, 3), np.uint8), mask[340:360, 240:270], "b"), np.ones((1, 20, 30), np.float32)
    )
    assert small.size == (30, 20)
    data = base64.b64decode(small.panels()["mask"].partition(",")[2])
    kept = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(kept, np.where(mask[340:360, 240:270] > 0, 255, 0))


def test_every_pixel_of_an_object_has_one_verdict_and_ignored_ones_have_none() -> None:
    truth, found = np.meshgrid(np.array([0, 1, 2, 255], np.uint8), np.array([0, 1, 2], np.uint8))
    each = verdicts(truth, found)
    assert list(each) == list(VERDICT_COLOURS)
    total = sum(where.astype(int) for where in each.values())
    expected = ((truth > 0) | (found > 0)) & (truth != 255)
    np.testing.assert_array_equal(total, expected)
    image = np.full((*truth.shape, 3), 100, np.uint8)
    drawn = draw_errors(image, truth, found)
    assert (drawn[total == 0] == 100).all()
    assert (drawn[total > 0] != 100).any(axis=-1).all()
