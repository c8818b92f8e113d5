"""A checkpoint of any strategy is one of every other."""

from __future__ import annotations

import shutil
from itertools import product
from typing import TYPE_CHECKING

import torch
from tests.strategies.test_training import CLOSE, SETTINGS

from frame.engine.checkpoints import checkpoint

if TYPE_CHECKING:
    from pathlib import Path

STRATEGIES = ("single", "data_parallel", "ddp", "fsdp")
MIDDLE = 9  # of 12 steps: the fourth of six in the second stage's only epoch, when a part of the backbone has joined
EACH_STEP = (*SETTINGS, "stages.decoder.epochs=1", "stages.finetune.epochs=1", "train.save_every=1", "train.keep=99")


def names_in(path: Path) -> dict[str, set[str]]:
    content = checkpoint.load(path)
    assert all(type(value) is torch.Tensor for value in content.weights.values())
    return {
        "weights": set(content.weights),
        "ema": set(content.ema or ()),
        "optimizer": {f"{name}.{key}" for name, values in content.state["optimizer"].items() for key in values},
        "state": set(content.state),
    }


def test_each_resumes_what_each_has_saved_and_goes_on_as_single_would(run_of, train, data_parallel) -> None:
    data_parallel(devices=2)
    expected = {strategy: run_of(strategy, *EACH_STEP)[-1] for strategy in STRATEGIES}["single"]
    folders = {strategy: train.runs / strategy / "checkpoints" for strategy in STRATEGIES}
    for folder in folders.values():
        assert {path.name for path in folder.iterdir()} == {checkpoint.name(step) for step in range(1, 13)}
        assert names_in(folder / checkpoint.name(MIDDLE)) == names_in(folders["single"] / checkpoint.name(MIDDLE))
    wrong = []
    for writer, reader in product(STRATEGIES, STRATEGIES):
        name = f"{writer}-to-{reader}"
        shutil.copytree(train.runs / writer, train.runs / name)
        for step in range(MIDDLE + 1, 13):
            shutil.rmtree(train.runs / name / "checkpoints" / checkpoint.name(step))
        losses, _, _, found = run_of(reader, *EACH_STEP, name=name, resume=True)
        assert len(losses) == 12 - MIDDLE
        for part in ("weights", "ema", "optimizer"):
            try:
                torch.testing.assert_close(found[part], expected[part], **CLOSE)
            except AssertionError as error:
                wrong.append(f"{name}, {part}: {error}")
    assert not wrong
