"""Precision, memory layout and compilation: chosen by a config or a probe, and kept by a resumed run."""

from __future__ import annotations

import json
import re

import pytest
import torch
from safetensors.torch import load_file
from tests.engine.states import assert_equal, state_of

from frame import UserError, catalog
from frame.config.bind import load_run
from frame.engine import levers
from frame.engine.build import build
from frame.engine.checkpoints import checkpoint
from frame.engine.levers import Levers, choose


def saved(result) -> dict:
    return checkpoint.load(next(checkpoint.newest(result.folder / "checkpoints"))).state


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_trains_like_float32_and_keeps_float32_weights(train, precision: str) -> None:
    whole, half = train(), train(f"train.precision={precision}")
    ours, theirs = (load_file(result.checkpoint / "model.safetensors") for result in (half, whole))
    assert {value.dtype for value in ours.values()} == {torch.float32}
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=0.05, atol=0.03)
    assert any(not torch.equal(ours[name], value) for name, value in theirs.items())


def test_a_scale_that_overflows_is_halved_and_is_no_bad_step(train) -> None:
    result = train("train.precision=fp16", losses={"plain": {"name": "plain", "weight": 1000.0}})
    assert json.loads((result.folder / "result.json").read_text())["skipped_steps"] == 0
    assert saved(result)["scaler"]["scale"] < 65536
    assert not [entry for entry in train.log if entry[0] == "notice"]


def test_the_scale_goes_on_where_it_was(train, config) -> None:
    settings = ("train.precision=fp16", "train.keep=20")
    losses = {"plain": {"name": "plain", "weight": 1000.0}}
    whole = train(*settings, losses=losses)
    config["run"]["name"] = "stopped"
    train(*settings, "run.max_time=0s", losses=losses)
    assert_equal(state_of(whole.folder), state_of(train(*settings, losses=losses, resume=True).folder))


def test_channels_last_reaches_the_weights_and_changes_no_figure(train, config) -> None:
    first, last = train(), train("train.channels_last=true")
    for name, value in load_file(first.checkpoint / "model.safetensors").items():
        torch.testing.assert_close(load_file(last.checkpoint / "model.safetensors")[name], value, rtol=1e-4, atol=1e-5)
    built = built_of(config)
    choose(built, None)[0]._replace(channels_last=True).apply(built.model)
    assert built.model.backbone.one.weight.is_contiguous(memory_format=torch.channels_last)


def built_of(config, *overrides: str):
    run = load_run(config, catalog(), overrides)
    return build(run, run.strategy())


def test_auto_takes_what_the_probe_finds_faster_and_says_why(train, config, monkeypatch) -> None:
    built = built_of(config, "train.precision=auto", "train.channels_last=auto", "train.compile=auto")
    for seconds, expected in (([0.2, 0.1], Levers("bf16", True)), ([0.1, 0.1], Levers("fp32", False))):
        monkeypatch.setattr(levers, "_fastest", lambda *probes, seconds=seconds: seconds[: len(probes)])
        chosen, told = choose(built, None)
        assert chosen == expected
        assert told[0] == f"compute {expected}"
        assert f"{seconds[0] / seconds[1]:.2f} times as fast" in told[1]
        assert re.search("compile = false: this run would gain [01] s at best", told[3])


def test_a_probe_leaves_the_model_the_losses_and_the_generators_alone(train, config) -> None:
    built = built_of(config, "train.precision=auto", "train.channels_last=auto", "backbone.norm=true")
    before = {name: value.clone() for name, value in built.model.state_dict().items()}
    drawn = torch.get_rng_state()
    choose(built, None)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert_equal(before, dict(built.model.state_dict()))


def test_a_resumed_run_keeps_what_was_picked(train, config) -> None:
    built = built_of(config, "train.precision=auto", "train.channels_last=true")
    assert choose(built, Levers("bf16", False, False))[0] == Levers("bf16", True, False)


def test_a_failure_of_the_compiler_says_what_to_do(train) -> None:
    import torch._dynamo.exc as dynamo

    with pytest.raises(UserError) as told, levers.compile_failures_told():
        raise dynamo.TorchDynamoException("no C++ compiler")
    assert str(told.value) == "train.compile: torch.compile fails here (no C++ compiler); set train.compile = false"
    with pytest.raises(RuntimeError, match="something else"), levers.compile_failures_told():
        raise RuntimeError("something else")
