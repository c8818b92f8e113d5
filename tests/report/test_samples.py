"""Samples as training sees them, gathered and drawn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from frame import CLASS_COLOURS, Sample, UserError
from frame.data.colours import YELLOW
from frame.data.pipeline import Subset, TrainingSamples, training_loader
from frame.report.samples import Seen, Shown, gather
from frame.report.samples_picture import GAP, GROUP, MARGIN, QUIET, TILE, draw, sheet

SIZE = 16


class Grey:
    """Images as bright as their index, with a square object; ``fresh`` as a data set may be."""

    def __init__(self, length: int, *, fresh: bool = False, broken: int | None = None) -> None:
        self.length, self.fresh, self.broken = length, fresh, broken

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        if index == self.broken:
            raise UserError(f"image {index} is damaged")
        mask = np.zeros((20, 30), np.uint8)
        mask[5:15, 8:20] = 1
        return Sample(np.full((20, 30, 3), index, np.uint8), mask, f"image {index}")


class Brighter:
    """Adds a number that follows from the seed."""

    def set_random_seed(self, seed: int | None) -> None:
        self.seed = seed

    def __call__(self, *, image, mask):
        return {"image": image + np.uint8(self.seed % 97), "mask": mask}


def samples(*arguments, unreadable="raise", **keywords) -> TrainingSamples:
    return TrainingSamples(Subset(Grey(*arguments, **keywords)), SIZE, Brighter(), 7, unreadable)


def test_each_draw_is_what_a_batch_of_that_epoch_holds() -> None:
    drawn_from = samples(9)
    rows = gather(drawn_from, 3, 4)
    assert [row.originals[0].id for row in rows] == ["image 0", "image 4", "image 8"]
    loader = training_loader(drawn_from, 1, 0, torch.device("cpu"))
    loader.batch_sampler.seed = None
    for epoch in range(4):
        loader.batch_sampler.epoch = epoch
        in_order = [batch.images[0].numpy() for batch in loader]
        for row, index in zip(rows, (0, 4, 8), strict=True):
            assert np.array_equal(row.draws[epoch].image, in_order[index])


def test_a_small_set_is_shown_whole() -> None:
    assert [row.originals[0].id for row in gather(samples(2), 6, 1)] == ["image 0", "image 1"]


def test_a_fresh_set_has_an_image_of_its_own_in_each_epoch() -> None:
    (row,) = gather(samples(5, fresh=True), 1, 3)
    assert [original.id for original in row.originals] == ["image 0", "image 5", "image 10"]


def test_a_sample_that_cannot_be_read_is_an_error_or_has_a_stand_in() -> None:
    with pytest.raises(UserError, match=r"^image 0 is damaged$"):
        gather(samples(5, broken=0), 2, 2)
    row, _ = gather(samples(5, broken=0, unreadable="skip"), 2, 2)
    assert (row.originals[0].id, row.unreadable) == ("image 1", ("image 0 is damaged",))


def shown(mask, originals: int = 1, draws: int = 2) -> Shown:
    image = np.full((*mask.shape, 3), 90, np.uint8)
    return Shown((Sample(image, mask, "a long name " * 9),) * originals, (Seen(image, mask),) * draws, ())


def outlined(picture, colour) -> np.ndarray:
    """Where an outline of a colour runs."""
    return np.abs(picture.astype(int) - colour).sum(axis=2) < 60


def test_the_mask_is_outlined_and_not_covered() -> None:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[4:12, 4:12] = 1
    tile = sheet([shown(mask)], "title", "note")[-TILE - 42 : -42, -MARGIN - TILE : -MARGIN]
    rows, columns = np.nonzero(outlined(tile, YELLOW))
    edges = np.array([rows.min(), rows.max(), columns.min(), columns.max()])
    assert np.abs(edges - np.array([4, 12, 4, 12]) * TILE / SIZE).max() < 5
    assert tile[TILE // 2, TILE // 2] == pytest.approx([90] * 3)
    assert tile[5, 5] == pytest.approx([90] * 3)


def test_each_class_has_its_colour_and_what_is_ignored_is_striped() -> None:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[1:6, 1:6], mask[8:14, 8:14], mask[0:6, 10:16] = 1, 3, 255
    picture = sheet([shown(mask)], "title", "note", ("ground", "cat", "dog", "owl"))
    plain = sheet([shown(mask)], "title", "note")
    assert picture.shape[0] > plain.shape[0]  # the legend
    drawn, legend = picture[: plain.shape[0] - 12], picture[plain.shape[0] - 12 :]
    for part in (drawn, legend):
        assert [bool(outlined(part, CLASS_COLOURS[index]).any()) for index in (1, 2, 3)] == [True, False, True]
    striped = (plain[:, MARGIN + TILE :] == QUIET).all(axis=2).sum()
    assert 0.3 < striped / (2 * TILE * TILE * 6 * 6 / SIZE**2) < 0.7


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (400, 3)])
def test_images_of_any_shape_fit_their_place(size) -> None:
    assert sheet([shown(np.ones(size, np.uint8))] * 2, "t", "n").shape[1] == 2 * MARGIN + GROUP + 3 * TILE + GAP


def test_an_image_stands_nearer_to_what_is_seen_of_it_than_to_the_next_image() -> None:
    rows = [shown(np.zeros((SIZE, SIZE), np.uint8), originals=2)]
    assert sheet(rows, "t", "n").shape[1] == 2 * MARGIN + 4 * TILE + 2 * GAP + GROUP


def test_a_file_that_cannot_be_written_is_told(tmp_path) -> None:
    rows = [shown(np.zeros((SIZE, SIZE), np.uint8))]
    draw(rows, "title", "note", (), tmp_path / "a.png")
    assert cv2.imread(str(tmp_path / "a.png")).shape == sheet(rows, "title", "note").shape
    with pytest.raises(UserError, match=r"cannot write the picture .*nowhere"):
        draw(rows, "title", "note", (), tmp_path / "nowhere" / "a.png")
