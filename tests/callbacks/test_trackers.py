"""Trackers, each by its own library: what is told is read back from where the library keeps it."""

from __future__ import annotations

import json
import math
import random
import time
from dataclasses import replace
from importlib.machinery import ModuleSpec

import numpy as np
import pytest
from tests.callbacks.readers import TRACKERS, needed, options, read

import frame
from frame.config.bind import bind_component
from frame.contracts.callback import RunEnd
from frame.plugin.component import Kind

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # mlflow's own use of sqlalchemy


@pytest.fixture(params=TRACKERS)
def tracker(request, callback, events, tmp_path, tmp_path_factory, monkeypatch):
    """``tracker("every=5")``: one of the trackers as a config binds it; ``tracker.told()`` reads it back."""
    needed(request.param)
    monkeypatch.chdir(tmp_path)  # mlflow's pictures
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    base = tmp_path_factory.getbasetemp()  # mlflow takes seconds to make a data base: one for all
    table = options(request.param, base, tmp_path.name)

    def build(*overrides):
        if list(tmp_path.glob("wandb/offline-run-*")):
            time.sleep(1)  # wandb calls its folders by the second
        own = [f'{key}="{value}"' for key, value in table.items() if key != "name"]
        return callback(request.param, *own, *overrides)

    build.name = request.param
    build.told = lambda: read(tmp_path, table)
    return build


def test_losses_rates_and_figures_are_told_over_steps(tracker, events):
    events.whole(tracker("every=5"))
    told = tracker.told()
    steps = [5, 10, 15, 20, 25, 30, 35]
    assert told.of("step/loss") == pytest.approx({step: 1 / step for step in steps})
    assert told.of("rate/head") == pytest.approx(dict.fromkeys(steps, 1e-3))
    assert told.of("rate/backbone") == pytest.approx(dict.fromkeys(steps, 1e-4))
    for name, value in {"train/loss": 0.25, "validation/iou": 0.5}.items():
        assert told.of(name) == pytest.approx(dict.fromkeys((12, 24, 36), value))
    assert told.of("epoch") == {12: 1, 24: 2, 36: 1}
    assert told.of("best/iou") == {36: 0.5}
    assert told.status == "FINISHED" or tracker.name == "tensorboard"
    assert len(told.ids) == 1


def test_samples_of_the_best_epochs_are_shown(tracker, events):
    events.whole(tracker("images=2"))
    assert tracker.told().pictures == [12, 36]


def test_no_samples_are_shown_if_none_are_wanted(tracker, events):
    events.whole(tracker("images=0"))
    assert tracker.told().pictures == []


def test_the_config_is_told(tracker, events):
    events.run = replace(events.run, config={"train": {"clip": 1.0}, "head": {"name": "fpn"}})
    events.whole(tracker())
    assert tracker.told().config.items() >= {("train.clip", "1.0"), ("head.name", "fpn")}


def test_a_resumed_run_goes_on_under_its_id_and_tells_no_point_twice(tracker, events):
    decoder = events.run.stages[0]
    first = tracker("every=4")
    first.on_run_start(events.run)
    events.steps(first, decoder, 0)
    events.epoch(first)
    first.on_checkpoint(12)
    events.steps(first, decoder, 1)  # to step 24, of which nothing is saved
    first.on_teardown()
    before = tracker.told()
    assert max(before.of("step/loss")) == 24
    assert before.status in ("KILLED", "")

    second = tracker("every=4")
    second.on_run_start(replace(events.run, global_step=12, epochs=1))
    events.global_step = 12
    events.steps(second, decoder, 1)
    events.epoch(second, epoch=1)
    second.on_checkpoint(24)
    second.on_run_end(events.end)
    second.on_teardown()
    told = tracker.told()
    assert told.ids == before.ids
    places = [(name, step) for name, step, _ in told.points]
    assert len(places) == len(set(places))
    assert told.of("step/loss") == pytest.approx({step: 1 / step for step in (4, 8, 12, 16, 20, 24)})
    assert sorted(told.of("validation/iou")) == [12, 24]
    assert told.of("best/iou") == {24: 0.5}


def test_an_epoch_whose_validation_is_run_again_is_told_once(tracker, events):
    for _ in range(2):  # killed between the epoch and its checkpoint, with one of the same step from before
        events.global_step = 12
        observer = tracker()
        observer.on_run_start(replace(events.run, global_step=12))
        events.epoch(observer)
        observer.on_teardown()
    assert [step for name, step, _ in tracker.told().points if name == "validation/iou"] == [12]


def test_a_finished_run_that_is_resumed_tells_its_best_once(tracker, events):
    events.whole(tracker())
    observer = tracker()
    observer.on_run_start(replace(events.run, global_step=36, epochs=3))
    observer.on_run_end(events.end)
    observer.on_teardown()
    assert [point for point in tracker.told().points if point[0] == "best/iou"] == [("best/iou", 36, 0.5)]


def test_figures_that_are_no_number_are_no_end(tracker, events):
    observer = tracker()
    observer.on_run_start(events.run)
    events.global_step = 12
    events.epoch(observer, validation={"iou": math.nan, "experts/cv.0": math.inf, "dice": 0.5})
    observer.on_run_end(RunEnd({}, 1.0))
    observer.on_teardown()
    assert tracker.told().of("validation/dice") == {12: 0.5}


def test_steps_are_told_before_their_checkpoint_and_losses_read_then(tracker, events):
    observer = tracker("every=1")
    observer.on_run_start(events.run)
    events.steps(observer, events.run.stages[0], 0, first=10)
    if tracker.name != "wandb":  # whose own process writes when it likes
        assert tracker.told().of("step/loss") == {}
    observer.on_checkpoint(2)
    if tracker.name != "wandb":
        assert sorted(tracker.told().of("step/loss")) == [1, 2]
    observer.on_teardown()
    assert sorted(tracker.told().of("step/loss")) == [1, 2]


def test_global_generators_are_left_as_they_were(tracker, events):
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    events.whole(tracker())
    assert before == (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002


class _Lost:
    """A loss on a device that has failed."""

    def __float__(self):
        raise RuntimeError("device-side assert")


def test_losses_that_cannot_be_read_any_more_do_not_keep_it_open(tracker, events):
    observer = tracker("every=1")
    observer.on_run_start(events.run)
    events.steps(observer, events.run.stages[0], 0, first=11, loss=_Lost())
    observer.on_teardown()
    assert tracker.told().status in ("KILLED", "")


def test_teardown_before_the_start_is_harmless(tracker):
    tracker().on_teardown()


def test_marks_that_are_damaged_are_no_end(tracker, events, tmp_path):
    (tmp_path / "trackers.json").write_text('{"tensorboard": ')
    events.whole(tracker())
    assert len(json.loads((tmp_path / "trackers.json").read_text())) == 1
    assert tracker.told().of("best/iou") == {36: 0.5}


@pytest.mark.parametrize("found", [None, ModuleSpec("a folder", None)])  # such as an earlier run's "wandb"
@pytest.mark.parametrize("name", TRACKERS)
def test_a_library_that_is_missing_is_told_with_what_to_install(monkeypatch, name, found):
    monkeypatch.setattr("frame_callbacks.options.find_spec", lambda name: found)
    part = bind_component(frame.catalog(), Kind.CALLBACK, name)
    assert part.options.problems() == [f"{name} is not installed: pip install 'frame-seg[{name}]'"]
