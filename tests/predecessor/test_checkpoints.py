"""Faults of the predecessor's checkpoints: what is in them, what was measured, how they are written and read."""

from __future__ import annotations

import json
import resource
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.engine import states
from tests.engine.states import assert_equal, state_of
from tests.engine.test_resume import stop_after
from tests.strategies.conftest import data_parallel, kind  # noqa: F401  (fixtures)

from frame import UserError
from frame.engine.checkpoints import checkpoint
from frame.engine.checkpoints.weights import load_into, read_weights

# 13 images train: 3 steps an epoch, whose windows hold 6, 6 and 1. backbone.one joins at the third of 6 steps.
RESUMED = (
    *states.SETTINGS,
    "train.stages=['finetune']",
    "train.precision=fp16",
    "stages.finetune.epochs=2",
    "stages.finetune.batch_size=3",
)


@pytest.mark.parametrize("stop", [1, 2, 3], ids=["before", "exactly-at", "after"])
def test_a_run_resumed_at_an_unfreezing_is_the_one_that_never_stopped(train, config, taken, stop: int) -> None:
    """Fault 4: no optimizer, scheduler, scaler or random state is saved; unfreezing fires on ``epoch == n`` alone."""
    whole = train(*RESUMED)
    steps = [(step.gradients.keys(), step.rates) for step in taken]
    assert ["backbone.one" in trained for trained, _ in steps] == [False, False, True, True, True, True]
    taken.clear()
    config["run"]["name"] = "stopped"
    stop_after(train, stop, *RESUMED)
    again = train(*RESUMED, resume=True)
    assert again.folder.name == "stopped"
    assert [(step.gradients.keys(), step.rates) for step in taken] == steps
    expected, found = state_of(whole.folder), state_of(again.folder)
    assert expected["scaler"]["_growth_tracker"] == 6  # it counts all steps of the run
    for part in ("optimizer", "scaler", "random", "ema", "weights"):
        assert_equal(expected[part], found[part], part)


IOU = {"iou": {"name": "iou", "threshold": 0.3}}  # for a model that has only begun to learn
AVERAGED = ("backbone.norm=true", "train.ema=0.9", "stages.decoder.epochs=1", "stages.finetune.lr=0.06")


def iou_of(train, weights: Path) -> float:
    """What is measured on weights that a run starts from and does not move."""
    settings = ("train.stages=['decoder']", "stages.decoder.epochs=1", "stages.decoder.lr=1e-30")
    return train("backbone.norm=true", f"train.init_from={weights}", *settings, metrics=IOU).metrics["iou"]


def test_the_best_iou_is_that_of_the_weights_that_are_saved_for_it(train) -> None:
    """Fault 5: the best IoU is measured on the average of the weights, and the raw ones are saved."""
    best = train(*AVERAGED, metrics=IOU)
    assert iou_of(train, best.checkpoint) == pytest.approx(best.metrics["iou"])
    raw = iou_of(train, best.checkpoint / "model.safetensors")
    assert abs(raw - best.metrics["iou"]) > 1e-3


def test_no_wrappers_prefix_is_in_the_names_of_weights_and_average(train, data_parallel) -> None:  # noqa: F811
    """Fault 5: the average's names keep ``module.``."""
    data_parallel(devices=2)
    result = train(*AVERAGED, strategy={"name": "data_parallel", "devices": 2})
    import frame_small  # what `train` installed

    backbone, head = frame_small.Bone(norm=True), frame_small.Head(channels=(8, 8), strides=(2, 4), num_classes=1)
    names = torch.nn.ModuleDict({"backbone": backbone, "head": head}).state_dict().keys()
    assert load_file(result.checkpoint / "model.safetensors").keys() == names
    assert load_file(result.checkpoint / "ema.safetensors").keys() == names


def test_the_average_has_the_models_buffers(train) -> None:
    """Fault 5: the average misses buffers, so that it is validated with the statistics of an untrained model."""
    state = state_of(train(*AVERAGED).folder)
    assert state["weights"]["backbone.norm.num_batches_tracked"] > 0
    for name in ("num_batches_tracked", "running_mean", "running_var"):
        assert torch.equal(state["ema"][f"backbone.norm.{name}"], state["weights"][f"backbone.norm.{name}"])


def test_the_average_counts_every_step_an_epochs_last_too(train, taken) -> None:
    """Fault 5: the average misses the last accumulation step."""
    train("train.stages=['decoder']", "stages.decoder.lr=1e-30")
    average = taken[0].weights["head.out"]  # where the next run starts
    taken.clear()
    result = train("train.stages=['decoder']", "train.ema=0.2", "train.accumulation=2")
    assert len(taken) == 4  # in each of two epochs a window of 6 samples and a partial one of 2
    for count, step in enumerate(taken):
        decay = min(0.2, (1 + count) / (10 + count))
        average = decay * average + (1 - decay) * step.weights["head.out"]
    torch.testing.assert_close(state_of(result.folder)["ema"]["head.out.weight"], average)


class Wrapped(torch.nn.Module):
    """A model with a part that is called like torch's wrappers call theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.module = torch.nn.Linear(2, 2)
        self.adapter = torch.nn.ModuleDict({"module": torch.nn.Linear(2, 2)})


def test_a_prefix_is_taken_off_only_at_the_start_of_a_name(tmp_path) -> None:
    """Fault 6: it strips ``module.`` anywhere in a name."""
    model, other = torch.nn.ModuleDict({"head": Wrapped()}), torch.nn.ModuleDict({"head": Wrapped()})
    torch.save({"model_state_dict": torch.nn.DataParallel(model).state_dict()}, tmp_path / "best.pth")
    load_into(other, read_weights(tmp_path / "best.pth"), tmp_path / "best.pth")
    assert_equal(dict(model.state_dict()), dict(other.state_dict()))


class Evil:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_no_code_in_a_file_is_run_not_to_start_and_not_to_resume(train, tmp_path) -> None:
    """Fault 6: it loads with ``weights_only=False``."""
    torch.save({"model_state_dict": {}, "config": Evil(tmp_path / "ran")}, tmp_path / "best.pth")
    with pytest.raises(UserError, match="holds Python objects beside tensors"):
        train(f"train.init_from={tmp_path / 'best.pth'}")
    stopped = stop_after(train, 3)
    (path,) = checkpoint.newest(stopped.folder / "checkpoints")
    torch.save({"progress": Evil(tmp_path / "ran")}, path / "state.pt")
    manifest = json.loads((path / "checkpoint.json").read_text())
    manifest["files"]["state.pt"] = sha256((path / "state.pt").read_bytes()).hexdigest()
    (path / "checkpoint.json").write_text(json.dumps(manifest))
    train(resume=True)
    assert train.log[0][1:5] == ("decoder", 0, 0, 1)  # without a whole checkpoint it starts anew
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("room", [1000, 5000], ids=["in-the-weights", "in-the-state"])
def test_a_checkpoint_whose_writing_fails_leaves_the_one_before_whole(train, monkeypatch, room: int) -> None:
    """Fault 6: it saves in place. Here the last step of an epoch is saved twice, for a stop and for the epoch's end."""
    stopped = stop_after(train, 3)
    (path,) = checkpoint.newest(stopped.folder / "checkpoints")
    before = checkpoint.load(path)
    import frame_small  # what `train` installed

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    class Full(frame_small.Recorder):
        def on_checkpoint(self, _global_step: int) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))  # bytes a file

        def on_teardown(self) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    with monkeypatch.context() as patch:
        patch.setattr(frame_small, "Recorder", Full)
        with pytest.raises(UserError, match=r"cannot write checkpoint .*; earlier checkpoints are whole"):
            train(resume=True)
    assert_equal(before.state["progress"], checkpoint.load(path).state["progress"])
    assert list(path.parent.iterdir()) == [path]


def test_the_last_checkpoint_is_kept_beside_the_best_and_the_history_grows_with_the_run(train, monkeypatch) -> None:
    """Fault 6: it saves only the best, and its history only at the very end."""
    import frame_small  # what `train` installed

    told: list[list[str]] = []

    class Reader(frame_small.Recorder):
        def on_epoch_end(self, epoch: Any) -> None:
            lines = (train.runs / "small" / "history.jsonl").read_text().splitlines()
            told.append([record["event"] for record in map(json.loads, lines)])

    monkeypatch.setattr(frame_small, "Recorder", Reader)
    callbacks = {"history": {"name": "history", "every": 1}, "recorder": "recorder"}
    result = train("train.stages=['decoder']", "train.monitor_mode=min", callbacks=callbacks)
    assert [events.count("step") for events in told] == [3, 6]
    assert [events.count("epoch") for events in told] == [1, 2]
    assert result.checkpoint.name == "step_00000003"
    assert [path.name for path in checkpoint.newest(result.checkpoint.parent)] == ["step_00000006", "step_00000003"]
