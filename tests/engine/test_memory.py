"""Out of memory: batches are split, the step is taken again, and the weights are those of a machine with more."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from frame import UserError
from frame.engine.checkpoints import checkpoint

ROOM = 2  # images that fit


@pytest.fixture
def little_memory(train):
    """The head allocates, for more than ``ROOM`` images, what no machine has: torch's own allocator fails.

    In validation too, whose batches are as large as the training's.
    """
    import frame_small

    forward = frame_small.Head.forward

    def hungry(self, features, size):
        if len(features[0]) > ROOM:
            torch.empty(2**60, dtype=torch.uint8)
        return forward(self, features, size)

    frame_small.Head.forward = hungry
    yield
    frame_small.Head.forward = forward


def test_batches_are_split_once_said_and_the_weights_are_the_same(train, request) -> None:
    whole = train("data.images=20")
    request.getfixturevalue("little_memory")
    split = train("data.images=20")
    before = load_file(whole.checkpoint / "model.safetensors")
    for name, value in load_file(split.checkpoint / "model.safetensors").items():
        torch.testing.assert_close(value, before[name], rtol=1e-4, atol=1e-5)
    assert split.metrics == pytest.approx(whole.metrics, abs=1e-3)  # a validation's batches are halved too
    notices = [entry[1] for entry in train.log if entry[0] == "notice"]
    # Batches of three in the first stage and of four in the second, which begins with whole ones again.
    assert notices == ["out of memory: from now on each batch is split into 2 parts"] * 2
    progress = checkpoint.load(next(checkpoint.newest(split.folder / "checkpoints"))).state["progress"]
    assert progress["splits"] == 2


def test_one_image_that_does_not_fit_ends_the_run_with_a_message(train, little_memory, monkeypatch) -> None:
    monkeypatch.setattr("tests.engine.test_memory.ROOM", 0)
    with pytest.raises(UserError, match=r"out of memory with one image at a time: lower data\.size"):
        train()


def test_the_position_is_not_lost_over_it(train, little_memory) -> None:
    result = train()
    assert [entry[4] for entry in train.log if entry[0] == "step"] == list(range(1, 13))
    assert json.loads((result.folder / "result.json").read_text())["skipped_steps"] == 0
