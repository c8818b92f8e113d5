"""Images that can't be read: the run ends, or they are skipped and named."""

from __future__ import annotations

import json

import pytest

from frame import UserError

ALL = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"


@pytest.mark.parametrize("workers", [0, 2])
def test_by_default_the_run_ends_and_names_the_image(train, workers: int) -> None:
    with pytest.raises(UserError, match=r"square-\d\.jpg is damaged"):
        train("data.broken=[3, 4]", f"data.workers={workers}")


@pytest.mark.parametrize("workers", [0, 2])
def test_skipped_images_are_named_once_and_the_steps_stay_the_same(train, workers: int) -> None:
    whole = train()
    result = train("data.broken=[3, 4]", "data.unreadable=skip", f"data.workers={workers}")
    notices = [entry[1] for entry in train.log if entry[0] == "notice"]
    assert sorted(notices) == ["skipped: square-3.jpg is damaged", "skipped: square-4.jpg is damaged"]
    assert [entry[4] for entry in train.log if entry[0] == "step"] == list(range(1, 13))
    recorded = json.loads((result.folder / "result.json").read_text())
    assert sorted(recorded["unreadable"]) == ["square-3.jpg is damaged", "square-4.jpg is damaged"]
    assert json.loads((whole.folder / "result.json").read_text())["unreadable"] == []


def test_what_cannot_be_read_is_left_out_of_the_validation(train) -> None:
    counts = {
        index: train(f"data.broken=[{index}]", "data.unreadable=skip").metrics["accuracy/images"] for index in range(10)
    }
    assert sorted(counts.values()) == [1.0, 1.0, *[2.0] * 8]  # two of ten are held out


def test_a_set_of_which_nothing_can_be_read_ends_the_run(train) -> None:
    with pytest.raises(UserError, match=r"none of 8 training images can be read; the first: square-\d\.jpg is damaged"):
        train(f"data.broken={ALL}", "data.unreadable=skip")
