from __future__ import annotations

import csv
import math
from dataclasses import replace

import pytest

from frame import UserError


@pytest.fixture
def rows(tmp_path):
    def read():
        with (tmp_path / "epochs.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    return read


def test_each_epoch_is_a_row_and_each_figure_a_column(callback, events, rows):
    observer = callback("csv")
    events.whole(observer)
    assert [(row["stage"], row["epoch"], row["global_step"]) for row in rows()] == [
        ("decoder", "0", "12"),
        ("decoder", "1", "24"),
        ("finetune", "0", "36"),
    ]
    assert rows()[1] == {
        "stage": "decoder",
        "epoch": "1",
        "global_step": "24",
        "seconds": "2.0",
        "is_best": "0",
        "rate/head": "0.001",
        "train/loss": "0.25",
        "validation/iou": "0.5",
    }
    assert observer.artifacts() == {"epochs": events.run.folder / "epochs.csv"}


def test_figures_are_read_back_to_the_last_digit(callback, events, rows):
    observer = callback("csv")
    observer.on_run_start(events.run)
    events.epoch(observer, validation={"iou": 1 / 3, "mae": math.nan})
    (row,) = rows()
    assert float(row["validation/iou"]) == 1 / 3
    assert math.isnan(float(row["validation/mae"]))


def test_rows_after_the_checkpoint_are_taken_back_when_a_run_goes_on(callback, events, rows):
    events.whole(callback("csv"))
    observer = callback("csv")
    observer.on_run_start(replace(events.run, global_step=24, epochs=1))  # stopped before the second validation
    assert [row["global_step"] for row in rows()] == ["12"]
    events.global_step = 24
    events.epoch(observer, epoch=1)
    assert [row["global_step"] for row in rows()] == ["12", "24"]


def test_a_figure_that_is_new_after_a_resume_gets_a_column(callback, events, rows):
    observer = callback("csv")
    observer.on_run_start(events.run)
    events.epoch(observer)
    observer = callback("csv")
    observer.on_run_start(replace(events.run, global_step=12, epochs=1))
    events.epoch(observer, epoch=1, validation={"iou": 0.5, "dice": 0.6})
    assert [row["validation/dice"] for row in rows()] == ["", "0.6"]


def test_a_run_that_starts_anew_leaves_no_rows_of_the_old_one(callback, events, rows):
    events.whole(callback("csv"))
    callback("csv").on_run_start(events.run)
    assert rows() == []


def test_a_file_that_cannot_be_written_is_told(callback, events, tmp_path):
    observer = callback("csv")
    observer.on_run_start(events.run)
    (tmp_path / "epochs.csv").unlink()
    (tmp_path / "epochs.csv").mkdir()
    with pytest.raises(UserError, match=r"cannot write the epochs' figures .*epochs\.csv"):
        events.epoch(observer)
