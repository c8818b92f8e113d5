"""The page of a run of many classes."""

from __future__ import annotations

import base64
import json

import cv2
import numpy as np

from frame.report.page.pictures import PALETTE, VERDICTS, errors, verdicts


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
    assert found == {tuple(PALETTE[label].tolist()) for label in (0, 1, 2, 255)}


def test_every_pixel_of_an_object_has_one_verdict_and_ignored_ones_have_none() -> None:
    truth, found = np.meshgrid(np.array([0, 1, 2, 255], np.uint8), np.array([0, 1, 2], np.uint8))
    each = verdicts(truth, found)
    assert list(each) == list(VERDICTS)
    total = sum(where.astype(int) for where in each.values())
    expected = ((truth > 0) | (found > 0)) & (truth != 255)
    np.testing.assert_array_equal(total, expected)
    image = np.full((*truth.shape, 3), 100, np.uint8)
    drawn = errors(image, truth, found)
    assert (drawn[total == 0] == 100).all()
    assert (drawn[total > 0] != 100).any(axis=-1).all()
