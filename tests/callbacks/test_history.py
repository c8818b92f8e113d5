from __future__ import annotations

import errno
import json
import math
from dataclasses import replace

import pytest

from frame import UserError

STAGES = ("decoder", "finetune")


def records(folder, event=None):
    found = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    return found if event is None else [record for record in found if record["event"] == event]


def test_a_run_is_told_from_start_to_end_in_order(callback, events, tmp_path):
    events.whole(callback("history", "every=6"))
    epoch = ["step", "step", "epoch"]
    assert [each["event"] for each in records(tmp_path)] == ["run", "stage", *epoch, *epoch, "stage", *epoch, "end"]
    (run,) = records(tmp_path, "run")
    assert (run["name"], run["seed"], run["monitor"]) == ("test", 7, "iou")
    assert tuple(stage["name"] for stage in run["stages"]) == STAGES


def test_the_classes_are_recorded_by_their_names(callback, events, tmp_path):
    history = callback("history")
    history.on_run_start(replace(events.run, classes=("background", "cat")))
    events.epoch(history, validation={"iou": 0.5, "iou/background": 0.9, "iou/cat": 0.1})
    history.on_teardown()
    assert records(tmp_path, "run")[0]["classes"] == ["background", "cat"]
    assert records(tmp_path, "epoch")[0]["validation"]["iou/cat"] == 0.1


def test_every_so_many_steps_are_recorded_with_loss_and_rates(callback, events, tmp_path):
    events.whole(callback("history", "every=5"))
    steps = records(tmp_path, "step")
    assert [step["global_step"] for step in steps] == [5, 10, 15, 20, 25, 30, 35]
    assert [step["loss"] for step in steps] == pytest.approx([1 / step["global_step"] for step in steps])
    assert steps[2] | {"loss": 0} == {
        "event": "step",
        "stage": "decoder",
        "epoch": 1,
        "step": 2,
        "global_step": 15,
        "loss": 0,
        "rates": {"head": 1e-3, "backbone": 1e-4},
    }


def test_epochs_are_on_disk_when_they_end(callback, events, tmp_path):
    history = callback("history")
    history.on_run_start(events.run)
    events.epoch(history, validation={"iou": 0.5, "iou/empty_false_positive": 0.1})
    (epoch,) = records(tmp_path, "epoch")
    assert epoch["validation"] == {"iou": 0.5, "iou/empty_false_positive": 0.1}
    assert epoch["train"] == {"loss": 0.25}
    assert epoch["is_best"] is True
    history.on_teardown()


def test_what_is_no_number_is_null(callback, events, tmp_path):
    history = callback("history")
    history.on_run_start(events.run)
    events.epoch(history, validation={"iou": math.nan, "mae": math.inf})
    history.on_teardown()
    assert records(tmp_path, "epoch")[0]["validation"] == {"iou": None, "mae": None}


def test_a_resumed_run_goes_on_in_the_same_file(callback, events, tmp_path):
    events.whole(callback("history"))
    before = records(tmp_path)
    history = callback("history")
    history.on_run_start(replace(events.run, global_step=36, epochs=3))
    history.on_run_end(events.end)
    history.on_teardown()
    after = records(tmp_path)
    assert after[: len(before) - 1] == before[:-1]
    assert [record["event"] for record in after[len(before) - 1 :]] == ["run", "end"]


def test_what_came_after_the_checkpoint_is_taken_back(callback, events, tmp_path):
    events.whole(callback("history", "every=5"))
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"event": "st')  # killed while it wrote
    history = callback("history")
    history.on_run_start(replace(events.run, global_step=24, epochs=1))  # stopped before the validation
    history.on_teardown()
    assert [record["global_step"] for record in records(tmp_path, "step")] == [5, 10, 15, 20]
    assert len(records(tmp_path, "epoch")) == 1
    assert records(tmp_path)[-1]["event"] == "run"


def test_steps_are_on_disk_before_their_checkpoint(callback, events, tmp_path):
    history = callback("history", "every=1")
    history.on_run_start(events.run)
    events.steps(history, events.run.stages[0], 0, first=10)
    assert records(tmp_path, "step") == []
    history.on_checkpoint(2)
    assert [record["global_step"] for record in records(tmp_path, "step")] == [1, 2]
    history.on_teardown()


def test_notices_are_recorded(callback, events, tmp_path):
    history = callback("history")
    history.on_run_start(events.run)
    history.on_notice("skipped: a.jpg is damaged")
    history.on_teardown()
    assert records(tmp_path, "notice") == [{"event": "notice", "text": "skipped: a.jpg is damaged"}]


def test_steps_of_an_epoch_that_was_broken_off_are_kept(callback, events, tmp_path):
    history = callback("history", "every=1")
    history.on_run_start(events.run)
    events.steps(history, events.run.stages[0], 0)
    history.on_teardown()
    assert len(records(tmp_path, "step")) == 12


class _Lost:
    """A loss on a device that has failed."""

    def __float__(self):
        raise RuntimeError("device-side assert")


def test_losses_that_cannot_be_read_any_more_do_not_hide_why(callback, events, tmp_path):
    history = callback("history", "every=1")
    history.on_run_start(events.run)
    events.steps(history, events.run.stages[0], 0, first=11)
    events.steps(history, events.run.stages[0], 1, first=11, loss=_Lost())
    history.on_teardown()
    assert len(records(tmp_path, "step")) == 1


def test_a_disk_that_is_full_is_told_once(callback, events, tmp_path, monkeypatch):
    history = callback("history")
    history.on_run_start(events.run)

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"cannot write .*history.jsonl: No space left on device; make room, and"):
        history.on_checkpoint(1)
    history.on_teardown()
    assert records(tmp_path, "run")


def test_teardown_before_the_start_is_harmless(callback):
    history = callback("history")
    history.on_teardown()
    assert history.artifacts() == {}


def test_it_says_where_it_wrote(callback, events, tmp_path):
    history = callback("history")
    events.whole(history)
    assert history.artifacts() == {"history": tmp_path / "history.jsonl"}
