"""A run that was stopped or killed ends with the weights of the run that was not, to the bit."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.engine.states import SETTINGS, assert_equal, state_of

import frame
from frame import UserError
from frame.engine.checkpoints import checkpoint
from frame.engine.step import Step


def losses(log: list[Any]) -> dict[int, float]:
    return {entry[4]: entry[5] for entry in log if entry[0] == "step"}


@pytest.fixture
def whole(train, config) -> tuple[dict[str, Any], dict[int, float]]:
    """The end of the run that nobody disturbed, and its losses."""
    result = train(*SETTINGS)
    found = state_of(result.folder), losses(train.log)
    config["run"]["name"] = "stopped"
    return found


def stop_after(train, step: int, *overrides: str, resume: bool = False) -> frame.Result:
    """Run until a step, then ask for a stop as a scheduler does."""
    import frame_small

    class Stopper(frame_small.Recorder):
        def on_step_end(self, info: Any) -> None:
            super().on_step_end(info)
            if info.global_step == step:
                os.kill(os.getpid(), signal.SIGTERM)

    before, frame_small.Recorder = frame_small.Recorder, Stopper
    try:
        return train(*overrides, resume=resume)
    finally:
        frame_small.Recorder = before


@pytest.mark.parametrize("stops", [(1,), (2,), (3,), (4,), (7,), (9,), (10,), (11,), (1, 2), (3, 6, 7, 8)])
@pytest.mark.parametrize("workers", [(0, 0), (0, 2)])
def test_a_stopped_run_goes_on_to_the_same_bits(train, whole, stops, workers) -> None:
    expected, told = whole
    seen: dict[int, float] = {}
    for number, step in enumerate(stops):
        result = stop_after(train, step, *SETTINGS, f"data.workers={workers[0]}", resume=number > 0)
        assert result.stopped == "SIGTERM"
        seen |= losses(train.log)
    result = train(*SETTINGS, f"data.workers={workers[1]}", resume=True)
    seen |= losses(train.log)
    assert result.stopped is None
    assert result.folder.name == "stopped"
    assert_equal(expected, state_of(result.folder))
    assert seen == told


def test_a_loss_that_follows_the_run_is_told_every_position_and_goes_on_to_the_same_bits(
    train, config, monkeypatch
) -> None:
    import frame_small

    seen: list[float] = []

    class Fading(frame_small.Plain):
        factor = 1.0

        def set_progress(self, progress: float) -> None:
            seen.append(progress)
            self.factor = 1 - progress / 2

        def forward(self, prediction: Any, mask: Any) -> torch.Tensor:
            return self.factor * super().forward(prediction, mask)

    steady = losses((train(*SETTINGS), train.log)[1])
    monkeypatch.setattr(frame_small, "Plain", Fading)
    config["run"]["name"] = "fading"
    expected = state_of(train(*SETTINGS).folder)
    told = losses(train.log)
    steps = len(told)
    assert seen == [step / (steps - 1) for step in range(steps)]  # over both stages
    assert told[1] == steady[1]
    assert told[steps] < 0.75 * steady[steps]

    seen.clear()
    config["run"]["name"] = "stopped"
    for number, step in enumerate((3, 6, 7)):
        stop_after(train, step, *SETTINGS, resume=number > 0)
    result = train(*SETTINGS, resume=True)
    assert seen == [step / (steps - 1) for step in range(steps)]
    assert_equal(expected, state_of(result.folder))


def test_while_a_run_goes_on_no_earlier_end_is_told(train, monkeypatch) -> None:
    import frame_small

    record, told = stop_after(train, 3).folder / "result.json", []
    assert json.loads(record.read_text())["stopped"] == "SIGTERM"

    class Looking(frame_small.Recorder):
        def on_step_end(self, info: Any) -> None:
            told.append(record.exists())

    monkeypatch.setattr(frame_small, "Recorder", Looking)
    assert train(resume=True).folder == record.parent
    assert told
    assert not any(told)
    assert json.loads(record.read_text())["stopped"] is None


def test_a_run_goes_on_in_its_own_folder_not_in_that_of_a_run_whose_name_looks_like_a_number_of_it(
    train, config
) -> None:
    config["run"]["name"] = "exp-2"
    other = state_of(train().folder)
    config["run"]["name"] = "exp"
    stop_after(train, 3)
    assert train(resume=True).folder == train.runs / "exp"
    assert_equal(other, state_of(train.runs / "exp-2"))


@pytest.mark.parametrize("step", [1, 3])  # the last of an epoch, and one within
def test_a_resumed_run_may_have_other_losses_and_watch_another_figure(train, step: int) -> None:
    stop_after(train, step)
    more = ("losses.more=plain", "metrics.second=accuracy", "train.monitor=second")
    result = train(*more, resume=True)
    assert result.stopped is None
    assert "second" in result.metrics


@pytest.mark.parametrize("before", [True, False])
def test_losses_that_keep_a_state_have_to_be_those_of_the_checkpoint(train, before: bool) -> None:
    learned = ("losses.learned=learned",)
    stop_after(train, 3, *(learned if before else ()))
    with pytest.raises(UserError, match=r"^losses: the checkpoint is of a run with other losses that keep a state"):
        train(*(() if before else learned), resume=True)


def test_a_position_that_its_epoch_no_longer_has_is_told(train) -> None:
    stop_after(train, 2)
    with pytest.raises(UserError, match=r"behind step 2 of an epoch, which has 1 now; set stages.decoder.batch_size"):
        train("stages.decoder.batch_size=32", resume=True)


def test_resuming_a_finished_run_changes_nothing(train, whole) -> None:
    train(*SETTINGS)
    result = train(*SETTINGS, resume=True)
    assert losses(train.log) == {}
    assert_equal(whole[0], state_of(result.folder))


def test_resuming_what_never_ran_starts_anew(train) -> None:
    assert train(resume=True).folder.name == "small"


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove", "manifest"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(train, whole, damage: str) -> None:
    result = stop_after(train, 8, *SETTINGS, "train.save_every=1", "train.keep=9")
    newest, before, *_ = checkpoint.newest(result.folder / "checkpoints")
    target = newest / ("checkpoint.json" if damage == "manifest" else "state.pt")
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "remove":
        target.unlink()
    elif damage == "truncate":
        target.write_bytes(content[: len(content) // 2])
    else:
        target.write_bytes(content)
    with pytest.raises(checkpoint.DamagedError, match=r"step_00000008 is"):
        checkpoint.load(newest)
    again = train(*SETTINGS, resume=True)
    first = next(entry for entry in train.log if entry[0] == "step")
    assert f"step_{first[4] - 1:08d}" == before.name
    assert_equal(whole[0], state_of(again.folder))


def test_the_end_of_its_time_stops_a_run(train) -> None:
    result = train("run.max_time=0s")
    assert result.stopped == "max_time"
    assert [entry[0] for entry in train.log] == ["step", "teardown"]
    assert result.checkpoint is None
    assert json.loads((result.folder / "result.json").read_text())["stopped"] == "max_time"


def test_a_model_that_the_checkpoint_does_not_fit_is_told(train) -> None:
    stop_after(train, 2)
    with pytest.raises(UserError, match=r"step_00000002 does not fit this model: .* missing \(backbone\.norm"):
        train("backbone.norm=true", resume=True)


def test_a_changed_setting_is_told_on_resume(train, capsys) -> None:
    stop_after(train, 2)
    train("train.clip=0.1", resume=True, callbacks={"terminal": "terminal"})
    assert "warning train.clip is 0.1 now, the checkpoint was made with None" in capsys.readouterr().out


def test_the_average_is_measured_saved_and_started_from(train) -> None:
    from frame.engine.checkpoints.weights import read_weights

    result = train("train.ema=0.9")
    manifest = json.loads((result.checkpoint / "checkpoint.json").read_text())
    assert manifest["measured_on"] == "ema"
    raw, average = (load_file(result.checkpoint / f"{name}.safetensors") for name in ("model", "ema"))
    assert raw.keys() == average.keys()
    assert not torch.equal(raw["head.out.weight"], average["head.out.weight"])
    assert_equal(read_weights(result.checkpoint), average)


@pytest.mark.parametrize(("policy", "waits"), [("skip", True), ("skip", False), ("rollback", True)])
def test_a_bad_step_changes_nothing(train, monkeypatch, policy: str, waits: bool) -> None:
    """The loss is nan at the third step: as if there had been no such step, or none since the last checkpoint."""
    import frame_small

    plain = frame_small.Plain.forward
    calls = []

    def sometimes_bad(self: Any, prediction: Any, mask: Any) -> torch.Tensor:
        calls.append(1)
        loss = plain(self, prediction, mask)
        return loss * float("nan") if len(calls) == 5 else loss

    if not waits:  # the guard of a GPU, which leaves the decision to the fused optimizer

        def looks_seldom(step: Any, *arguments: Any) -> None:
            initialise(step, *arguments)
            step.waits, step._bad = False, torch.zeros(())

        initialise = Step.__init__
        monkeypatch.setattr(Step, "__init__", looks_seldom)
    frame_small.Plain.forward = sometimes_bad
    settings = ("train.ema=0.5", "train.save_every=4", f"train.non_finite={policy}", "train.keep=20")
    try:
        result = train(*settings)
    finally:
        frame_small.Plain.forward = plain
    told = losses(train.log)
    second_epoch = [entry for entry in train.log if entry[0] == "epoch"][1]
    assert second_epoch[3]["loss"] == pytest.approx((3 * told[4] + 2 * told[6]) / 5)  # of 8 images, without step 5's
    folder = result.folder / "checkpoints"
    assert json.loads((result.folder / "result.json").read_text())["skipped_steps"] == 1
    before = checkpoint.load(folder / "step_00000004")
    assert before.state["ema_updates"] == 4
    after = checkpoint.load(folder / "step_00000006")
    assert after.state["ema_updates"] == 5
    assert {int(moments["step"]) for moments in after.state["optimizer"].values()} == {5}
    assert all(torch.isfinite(value).all() for value in load_file(result.checkpoint / "model.safetensors").values())


def test_patience_ends_a_stage_early(train) -> None:
    result = train("train.patience=1", "stages.decoder.lr=1e-12", "stages.decoder.epochs=5", "stages.finetune.epochs=1")
    epochs = [entry[1:3] for entry in train.log if entry[0] == "epoch"]
    assert epochs == [("decoder", 0), ("decoder", 1), ("finetune", 0)]
    assert result.stopped is None


def test_a_disk_that_is_full_leaves_earlier_checkpoints_whole(train, monkeypatch) -> None:
    write = checkpoint.save_file
    calls = []

    def full(*arguments: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        write(*arguments)

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(UserError, match=r"cannot write checkpoint .*No space left on device; earlier checkpoints"):
        train()
    (only,) = (train.runs / "small" / "checkpoints").iterdir()
    checkpoint.load(only)
