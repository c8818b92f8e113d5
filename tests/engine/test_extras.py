"""What a head tells beside its logits reaches those who watch it; where the run is reaches the modules that ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.engine.states import SETTINGS, assert_equal, state_of
from tests.engine.test_resume import stop_after
from torch import nn

from frame import UserError
from frame.engine import validate

if TYPE_CHECKING:
    from collections.abc import Callable

MOE = {"name": "moe", "experts": ["texture", "contrast", "edge"], "top_k": 1, "width": 8}
WATCH = {"metrics": {"accuracy": "accuracy", "experts": "experts"}, "callbacks": {"recorder": "recorder"}}


@pytest.fixture
def progress(train: Any, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the loss of the small plugin was told of the run's progress."""
    import frame_small

    told: list[float] = []
    monkeypatch.setattr(frame_small.Plain, "set_progress", lambda _, done: told.append(done), raising=False)
    return told


def test_a_module_is_told_before_each_step_where_in_the_run_it_is(train, progress) -> None:
    train()
    steps = 2 * 3 + 3 * 2  # of two stages
    assert progress == [step / (steps - 1) for step in range(steps)]


def test_a_resumed_run_tells_it_anew(train, config, progress) -> None:
    config["run"]["name"] = "stopped"
    stop_after(train, 8)
    progress.clear()
    train(resume=True)
    assert progress == [step / 11 for step in range(8, 12)]


def test_a_dense_warm_up_is_resumed_to_the_same_bits(train, config) -> None:
    options = {"head": {**MOE, "dense_warmup": 0.5, "selection_bias": True}}
    options["losses"] = {"plain": "plain", "balance": {"name": "balance", "by": "bias"}}
    whole = train(*SETTINGS, **options)
    never = train(
        *SETTINGS, **options | {"head": {**MOE, "selection_bias": True}}, run=config["run"] | {"name": "never"}
    )
    config["run"]["name"] = "stopped"
    for step, resume in ((2, False), (7, True)):
        stop_after(lambda *given, resume: train(*given, resume=resume, **options), step, *SETTINGS, resume=resume)
    resumed = train(*SETTINGS, resume=True, **options)
    assert_equal(state_of(whole.folder), state_of(resumed.folder))
    with pytest.raises(AssertionError):
        assert_equal(state_of(whole.folder), state_of(never.folder))


def test_the_use_of_experts_is_in_the_figures_and_dead_ones_are_told_once(train) -> None:
    many = ["texture", "attention", "hybrid", "frequency", "edge", "context", "contrast"]
    result = train("stages.finetune.epochs=4", head=MOE | {"experts": many}, **WATCH)
    assert {f"experts/utilization.{name}" for name in many} < result.metrics.keys()
    notices = [entry[1] for entry in train.log if entry[0] == "notice"]
    assert notices  # of two images in a validation, each by one expert a level, some are left without any
    assert all(text.startswith("experts hardly used: ") for text in notices)
    assert len(notices) == len(set(notices))


def test_a_table_and_a_picture_of_the_experts_are_among_the_artifacts(train) -> None:
    callbacks = {"recorder": "recorder", "experts": "experts"}
    result = train(head=MOE, callbacks=callbacks)
    assert result.artifacts["images of experts"].stat().st_size > 0
    assert "| contrast |" in result.artifacts["use of experts"].read_text()


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often extras were fetched from the device."""
    calls: list[int] = []
    arrays: Callable[..., Any] = validate._arrays

    def counted(extras: Any) -> Any:
        calls.append(1)
        return arrays(extras)

    monkeypatch.setattr(validate, "_arrays", counted)
    return calls


def test_extras_are_left_where_they_are_if_nobody_watches(train, fetched) -> None:
    train(head=MOE)
    assert fetched == []
    train(head=MOE, callbacks={"experts": "experts"})
    assert fetched


def test_extras_of_a_validation_by_halves_are_whole(train, fetched, monkeypatch) -> None:
    import torch

    from frame.engine.model import Segmenter

    forward = Segmenter.forward

    def limited(self: Segmenter, image: torch.Tensor) -> Any:
        if not self.training and len(image) > 1:
            raise torch.OutOfMemoryError
        return forward(self, image)

    expected = train(head=MOE, **WATCH).metrics
    monkeypatch.setattr(Segmenter, "forward", limited)
    found = train(head=MOE, **WATCH).metrics
    assert found == pytest.approx(expected)
    assert fetched


def test_a_heads_names_that_are_alike_are_refused_before_anything_is_trained(train, config, monkeypatch) -> None:
    from frame_heads.moe import MoE

    monkeypatch.setattr(MoE, "__setattr__", _with_names_alike)
    with pytest.raises(UserError, match=r"head: its extra_names has one name twice for 'load\.0'; give each column"):
        train(head=MOE, callbacks={})


def _with_names_alike(module: Any, name: str, value: Any) -> None:
    nn.Module.__setattr__(module, name, {"load.0": ("edge", "edge", "texture")} if name == "extra_names" else value)
