"""A whole run: its folder, its numbers, and what ends it."""

from __future__ import annotations

import json
from hashlib import sha256

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from frame import UserError, catalog
from frame.config.bind import load_run
from frame.config.run import toml_value
from frame.engine.events import CallbackError
from frame.engine.plan import split_data


def weights(result):
    return load_file(result.checkpoint / "model.safetensors")


def same(one, other) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_trains_its_stages_and_leaves_its_folder_whole(train) -> None:
    result = train()
    steps = [entry for entry in train.log if entry[0] == "step"]
    # 8 images train: 3 steps an epoch in batches of 3, then 2 in batches of 4.
    assert [(stage, epoch, step) for _, stage, epoch, step, *_ in steps] == [
        *(("decoder", epoch, step) for epoch in range(2) for step in range(3)),
        *(("finetune", epoch, step) for epoch in range(3) for step in range(2)),
    ]
    assert [entry[4] for entry in steps] == list(range(1, 13))
    assert train.log[-1] == ("teardown",)
    assert result.metrics["accuracy/images"] == 2
    assert {path.name for path in result.folder.iterdir()} == {
        "checkpoints",
        "components.json",
        "config.toml",
        "result.json",
    }
    recorded = json.loads((result.folder / "result.json").read_text())
    assert recorded["metrics"] == result.metrics
    assert (result.folder / recorded["checkpoint"]) == result.checkpoint
    versions = json.loads((result.folder / "components.json").read_text())
    assert {"kind": "backbone", "name": "small/bone", "distribution": "frame-small", "version": "1.0"} in versions[
        "components"
    ]
    assert versions["torch"] == torch.__version__


def test_the_loss_falls_and_the_model_beats_the_baselines(train) -> None:
    result = train("stages.finetune.epochs=10", "stages.finetune.lr=0.03", "stages.finetune.backbone_lr_scale=1.0")
    losses = [entry[3]["loss"] for entry in train.log if entry[0] == "epoch"]
    assert losses[-1] < 0.7 * losses[0]
    assert set(result.baselines) == {"all foreground", "mean mask"}
    assert result.metrics["accuracy"] > max(guess["accuracy"] for guess in result.baselines.values())


def test_many_classes_take_the_same_path(train) -> None:
    result = train("data.classes=['ground', 'dark', 'bright']", "data.images=20")
    assert weights(result)["head.out.weight"].shape[0] == 3
    assert set(result.baselines) == {"mean mask"}


def test_the_same_seed_gives_the_same_weights_for_any_number_of_workers(train) -> None:
    first, second, other = train(), train("data.workers=2"), train("run.seed=4")
    assert same(weights(first), weights(second))
    assert not same(weights(first), weights(other))
    assert [result.folder.name for result in (first, second, other)] == ["small", "small-2", "small-3"]


def test_a_run_starts_from_the_best_of_another_run_s_folder(train) -> None:
    first = train("stages.decoder.epochs=1", "stages.finetune.epochs=1")
    again = train(f"train.init_from={first.folder}", "stages.decoder.lr=1e-12", "stages.finetune.lr=1e-12")
    for name, tensor in weights(first).items():
        torch.testing.assert_close(weights(again)[name], tensor)


def test_a_path_among_the_settings_and_a_file_of_any_name_make_a_folder_that_runs_again(
    train, config, tmp_path
) -> None:
    import frame

    (file := tmp_path / "my config (2).toml").write_text(
        "".join(f"{key} = {toml_value(table)}\n" for key, table in config.items() if key != "run")
    )
    result = frame.run(file, {"run.folder": tmp_path / "a b", "stages.decoder.epochs": np.int64(1)}, catalog())
    assert result.folder == tmp_path / "a b" / "my-config-2-"
    again = frame.run(result.folder / "config.toml", [], catalog())
    assert again.folder == tmp_path / "a b" / "my-config-2--2"


@pytest.mark.usefixtures("train")
def test_what_is_held_out_may_stay_while_the_seed_changes(config) -> None:
    def held_out(*overrides: str) -> list[int]:
        _, validation, _ = split_data(load_run(config, catalog(), ["data.images=40", *overrides]))
        return [validation.index(0, position) for position in range(len(validation))]

    assert held_out("run.seed=1") != held_out("run.seed=2")
    assert held_out("run.seed=1", "data.validation_seed=2") == held_out("run.seed=2")


def test_the_resolved_config_runs_again_to_the_same_weights(train, tmp_path) -> None:
    import frame

    first = train("train.clip=0.5", "stages.decoder.epochs=1")
    again = frame.run(first.folder / "config.toml", [f"run.folder={tmp_path / 'again'}"], catalog())
    assert same(weights(first), weights(again))


@pytest.mark.parametrize("images", [20, 18])  # whole windows, and a partial last one
def test_accumulated_batches_equal_one_large_batch(train, images: int) -> None:
    more = [f"data.images={images}", "train.stages=['finetune']", "stages.finetune.unfreeze=[0.0, 0.0]"]
    large = train(*more, "stages.finetune.batch_size=8")
    parts = train(*more, "stages.finetune.batch_size=2", "train.accumulation=4")
    for name, value in weights(large).items():
        torch.testing.assert_close(value, weights(parts)[name], rtol=1e-5, atol=1e-6)


def test_a_frozen_backbone_keeps_its_weights_and_its_statistics(train) -> None:
    before = train(
        "train.stages=['decoder']", "backbone.norm=true", "stages.decoder.epochs=1", "stages.decoder.lr=1e-9"
    )
    after = train("train.stages=['decoder']", "backbone.norm=true")
    for name, value in weights(after).items():
        assert torch.equal(value, weights(before)[name]) == name.startswith("backbone."), name


def test_the_best_and_the_last_checkpoint_are_kept_and_whole(train) -> None:
    result = train()
    epochs = [entry for entry in train.log if entry[0] == "epoch"]
    best = max(range(len(epochs)), key=lambda index: (epochs[index][4]["accuracy"], -index))
    assert epochs[best][5]
    assert result.metrics == epochs[best][4]
    kept = sorted((result.folder / "checkpoints").iterdir())
    assert result.checkpoint in kept
    assert kept[-1].name == "step_00000012"
    assert len(kept) <= 2
    for path in kept:
        manifest = json.loads((path / "checkpoint.json").read_text())
        assert manifest["files"]["model.safetensors"] == sha256((path / "model.safetensors").read_bytes()).hexdigest()
        assert manifest["config"]["backbone"]["name"] == "bone"


def test_the_smallest_figure_is_best_where_the_config_says_so(train) -> None:
    result = train("train.monitor_mode=min")
    assert result.metrics["accuracy"] == min(entry[4]["accuracy"] for entry in train.log if entry[0] == "epoch")


def test_a_loss_that_is_not_finite_ends_the_run_with_a_message(train) -> None:
    with pytest.raises(UserError, match=r"stage decoder, epoch 1, step 1: loss, plain not finite.*stages\.decoder\.lr"):
        train(losses={"plain": "explosive"})
    assert train.log[-1] == ("teardown",)


def test_a_callback_that_fails_is_named(train) -> None:
    with pytest.raises(CallbackError, match="callback 'bad' failed in on_epoch_end: ValueError: no disk"):
        train(callbacks={"recorder": "recorder", "bad": "failing"})
    assert train.log[-1] == ("teardown",)


def test_the_run_goes_on_without_a_callback_that_is_not_essential(train) -> None:
    alone = weights(train())
    result = train(callbacks={"mine": "tracker", "recorder": "recorder"})
    steps = [entry[1] for entry in train.log if entry[0] == "tracked"]
    assert steps == list(range(1, len(steps) + 1))
    assert max(steps) < max(entry[4] for entry in train.log if entry[0] == "step")  # it was silent from then on
    assert [entry[1] for entry in train.log if entry[0] == "notice"] == [
        "callback 'mine' failed in on_epoch_end: ValueError: no disk; the run goes on without it",
        "callback 'mine' failed in on_teardown: RuntimeError: no network; the run goes on without it",
    ]
    assert train.log.count(("closing",)) == 1
    assert all(torch.equal(value, alone[name]) for name, value in weights(result).items())


def test_a_run_folder_that_cannot_be_written_is_told(train, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write the run folder in .*--set run\.folder=DIR"):
        train(f"run.folder={tmp_path / 'file' / 'runs'}")


def test_a_data_set_of_one_image_or_none_is_told(train) -> None:
    with pytest.raises(UserError, match='"squares" has one image'):
        train("data.images=1")
    with pytest.raises(UserError, match='"squares" has no training images'):
        train("data.images=0")


def test_bf16_trains_and_keeps_float32_weights(train) -> None:
    result = train("train.precision=bf16")
    assert {value.dtype for value in weights(result).values()} == {torch.float32}


def test_nothing_is_imported_for_a_config_that_fails(install, config, monkeypatch) -> None:
    install("frame-acme", "acme", "from frame import hookimpl\n")
    with pytest.raises(UserError, match="no backbone is called 'bone'"):
        load_run(config, catalog())


def test_a_monitor_that_no_metric_has_ends_with_a_message_before_anything_is_written(train) -> None:
    with pytest.raises(UserError, match=r'no figure is called "accuracy/best"; there are: accuracy, accuracy/images'):
        train("train.monitor=accuracy/best")
    assert not train.runs.exists()


def test_the_worst_checkpoint_is_not_kept_for_the_best(train, monkeypatch) -> None:
    import frame_small

    monkeypatch.setattr(frame_small.Accuracy, "lower_is_better", ("images",), raising=False)
    train()
    with pytest.raises(UserError, match=r'less of "accuracy/images" is better; set train.monitor_mode = "min"'):
        train("train.monitor=accuracy/images")
    assert train("train.monitor=accuracy/images", "train.monitor_mode=min").metrics


def test_where_figures_follow_from_the_head_a_wrong_monitor_costs_no_epoch(train, monkeypatch) -> None:
    import frame_small

    monkeypatch.setattr(frame_small.Accuracy, "update_extras", lambda *_: None, raising=False)
    with pytest.raises(UserError, match=r'no figure is called "accuracy/best"; there are: accuracy, accuracy/images'):
        train("train.monitor=accuracy/best")
    log = list(train.log)
    again = train("train.monitor=accuracy/images", resume=True)
    assert again.folder == train.runs / "small"
    assert sum(entry[0] == "step" for entry in log) == 3
    assert sum(entry[0] == "step" for entry in train.log) == 12 - 3


DROPS_THE_LAST = """
    from itertools import islice
    from frame import Component, Strategy, hookimpl

    class Shorter:
        def __init__(self, sampler):
            self.sampler = sampler

        def __iter__(self):
            return islice(iter(self.sampler), len(self))

        def __getattr__(self, name):
            return getattr(self.sampler, name)

        def __len__(self):
            return len(self.sampler) - 1

    class Dropping(Strategy):
        def setup_dataloader(self, loader):
            object.__setattr__(loader, "batch_sampler", Shorter(loader.batch_sampler))
            return loader

    @hookimpl
    def frame_strategies():
        yield Component(name="dropping", target="frame_acme:Dropping")
"""


def test_a_strategy_that_drops_a_batch_is_told_so(train, install) -> None:
    install("frame-acme", "acme", DROPS_THE_LAST)
    with pytest.raises(UserError, match="stage decoder: strategy dropping gave 2 of 3 steps of an epoch"):
        train("strategy.name=dropping")
