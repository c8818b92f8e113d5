from __future__ import annotations

import cv2
import numpy as np
import pytest

from frame import CLASS_COLOURS, VERDICT_COLOURS, Sample, UserError, draw_errors
from frame_callbacks.sheet import Column, sheet


@pytest.fixture
def pictures(callback, events):
    def start(*overrides):
        observer = callback("pictures", *overrides)
        observer.on_run_start(events.run)
        return observer

    return start


def read(path):
    return cv2.imread(str(path))


def test_the_first_samples_are_drawn_side_by_side(pictures, events, tmp_path):
    few, more = pictures("images=2", "height=120"), pictures("images=3", "height=120")
    events.validate(few, samples=5)
    events.epoch(few)
    two = read(tmp_path / "samples/best.png")
    events.validate(more, samples=5)
    events.epoch(more)
    three = read(tmp_path / "samples/best.png")
    assert three.shape[0] == two.shape[0] > 4 * 120
    assert three.shape[1] - two.shape[1] == 200 + 6  # 30 x 50 at a height of 120, and a gap


def test_the_best_picture_stays_while_the_last_one_changes(pictures, events, tmp_path):
    observer = pictures()
    events.validate(observer)
    events.epoch(observer)
    best = (tmp_path / "samples/best.png").read_bytes()
    assert best == (tmp_path / "samples/last.png").read_bytes()
    events.validate(observer)
    events.epoch(observer, epoch=1, is_best=False)
    assert best == (tmp_path / "samples/best.png").read_bytes()
    assert best != (tmp_path / "samples/last.png").read_bytes()


def test_each_validation_starts_a_new_sheet(pictures, events, tmp_path):
    observer = pictures()
    sizes = []
    for _ in range(2):
        events.validate(observer)
        events.epoch(observer)
        sizes.append(read(tmp_path / "samples/last.png").shape)
    assert sizes[0] == sizes[1]


def test_images_of_any_shape_share_one_height(pictures, events, tmp_path):
    observer = pictures("height=48")
    observer.on_validation_start(3)
    for index, size in enumerate([(7, 900), (900, 7), (1, 1)]):
        observer.on_validation_sample(*events.sample(index, size))
    events.epoch(observer)
    assert read(tmp_path / "samples/last.png") is not None


def test_only_small_copies_are_kept(events):
    column = Column.of(*events.sample(0, (600, 1000)), height=60)
    assert {picture.shape for picture in column.pictures} == {(60, 100, 3)}


def test_the_rows_are_image_mask_probability_and_errors():
    image = np.full((40, 40, 3), 200, np.uint8)
    mask = np.zeros((40, 40), np.uint8)
    mask[:20] = 1  # above
    probability = np.zeros((1, 40, 40), np.float32)
    probability[0, :, :20] = 0.8  # left
    shown, truth, grey, verdict = Column.of(Sample(image, mask, "a"), probability, 40).pictures
    assert np.array_equal(shown, image)
    assert (truth[5, 5], truth[35, 5]) == (pytest.approx([255] * 3), pytest.approx([0] * 3))
    assert (grey[5, 5], grey[5, 35]) == (pytest.approx([204] * 3), pytest.approx([0] * 3))

    def laid_over(name):
        return pytest.approx(0.4 * 200 + 0.6 * np.array(VERDICT_COLOURS[name]), abs=1)

    assert verdict[5, 5] == laid_over("found")
    assert verdict[35, 5] == laid_over("false alarm")
    assert verdict[5, 35] == laid_over("missed")
    assert verdict[35, 35] == pytest.approx([200] * 3)


def test_many_classes_are_drawn_in_the_palette_with_wrong_classes_and_ignored_pixels_told():
    truth, found = (np.array([row] * 6, np.uint8) for row in ([0, 1, 2, 1, 255, 0], [0, 1, 1, 0, 1, 2]))
    black = np.zeros((6, 6, 3), np.uint8)
    verdict = draw_errors(black, truth, found)[0]
    expected = [None, "found", "wrong class", "missed", None, "false alarm"]
    for pixel, name in zip(verdict, expected, strict=True):
        assert pixel == pytest.approx(0.6 * np.array(VERDICT_COLOURS[name]) if name else np.zeros(3), abs=1)
    probability = np.eye(3, dtype=np.float32)[found].transpose(2, 0, 1)
    column = Column.of(Sample(black, truth, "a"), probability, 6)
    assert np.array_equal(column.pictures[1], CLASS_COLOURS[truth])
    assert np.array_equal(column.pictures[2], CLASS_COLOURS[found])
    assert "wrong class" in column.verdicts


def test_the_classes_stand_below_in_their_colours_on_as_many_lines_as_they_need(events):
    columns = [Column.of(*events.sample(0, classes=3), height=60)]
    without, few = sheet(columns, "a"), sheet(columns, "a", ("ground", "cat", "owl"))
    many = sheet(columns, "a", [f"animal {index}" for index in range(40)])
    heights = [picture.shape[0] for picture in (without, few, many)]
    assert heights[1] - heights[0] == 22
    assert heights[2] - heights[0] > 5 * 22
    assert many.shape[1] == few.shape[1] == without.shape[1]
    below = few[heights[0] :].reshape(-1, 3)
    for index in range(3):
        assert (below == CLASS_COLOURS[index]).all(axis=1).sum() >= 12 * 12
    assert (many[heights[0] :].reshape(-1, 3) == CLASS_COLOURS[20]).all(axis=1).sum() >= 12 * 12


def test_no_two_of_the_first_classes_share_a_colour():
    assert len({tuple(colour) for colour in CLASS_COLOURS[:22]}) == 22


def test_it_names_the_best_picture_once_there_is_one(pictures, events, tmp_path):
    observer = pictures()
    assert observer.artifacts() == {}
    events.validate(observer)
    events.epoch(observer)
    assert observer.artifacts() == {"sample pictures": tmp_path / "samples" / "best.png"}


def test_an_epoch_without_validation_samples_draws_nothing(pictures, events, tmp_path):
    observer = pictures()
    observer.on_validation_start(0)
    events.epoch(observer)
    assert list((tmp_path / "samples").iterdir()) == []


def test_a_file_that_cannot_be_written_is_named(pictures, events, tmp_path):
    observer = pictures()
    (tmp_path / "samples/last.png").mkdir()
    events.validate(observer)
    with pytest.raises(UserError, match=r"last\.png"):
        events.epoch(observer)
