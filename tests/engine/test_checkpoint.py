"""A checkpoint loads whole or not at all: never wrong, never code, always one message."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from frame import UserError
from frame.engine.checkpoints import checkpoint
from frame.engine.checkpoints.checkpoint import Content, DamagedError

FILES = ("model.safetensors", "ema.safetensors", "state.pt", "checkpoint.json")


def content(seed: int) -> Content:
    generator = torch.Generator().manual_seed(seed)
    weights = {"a": torch.randn(40, 40, generator=generator), "b": torch.randn(7, generator=generator)}
    state = {"progress": {"epoch": seed}, "optimizer": {"a": {"exp_avg": torch.randn(900, generator=generator)}}}
    return Content(weights, {name: value + 1 for name, value in weights.items()}, state, {"metrics": {"iou": 0.5}})


@pytest.fixture
def saved(tmp_path) -> Path:
    return checkpoint.save(tmp_path, 7, content(1))


def refused(path: Path) -> str:
    with pytest.raises(DamagedError) as caught:
        checkpoint.load(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_what_is_saved_comes_back(saved) -> None:
    one, other = content(1), checkpoint.load(saved)
    assert torch.equal(one.weights["a"], other.weights["a"])
    assert one.ema is not None
    assert other.ema is not None
    assert torch.equal(one.ema["b"], other.ema["b"])
    assert other.state["progress"] == {"epoch": 1}
    assert other.about == {"metrics": {"iou": 0.5}}
    assert [path.name for path in saved.parent.iterdir()] == ["step_00000007"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_at_any_kilobyte_or_missing_is_refused(saved, name: str) -> None:
    whole = (saved / name).read_bytes()
    for length in [*range(0, len(whole), 1024), len(whole) - 1]:
        (saved / name).write_bytes(whole[:length])
        refused(saved)
    (saved / name).unlink()
    refused(saved)


@pytest.mark.parametrize("name", FILES[:3])
def test_a_flipped_bit_is_refused_wherever_it_is(saved, name: str) -> None:
    whole = (saved / name).read_bytes()
    for place in np.random.default_rng(0).integers(0, len(whole), 60):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (int(place) % 8)
        (saved / name).write_bytes(damaged)
        assert name in refused(saved)


def test_a_manifest_of_another_checkpoint_is_refused(saved, tmp_path) -> None:
    other = checkpoint.save(tmp_path / "other", 7, content(2))
    shutil.copy(other / "checkpoint.json", saved)
    refused(saved)


@pytest.mark.parametrize(
    "text", ["[]", "{}", "null", '{"format": 1}', '{"format": 99, "files": {}}', '{"format": 1, "files": 3}']
)
def test_a_manifest_that_is_none_is_refused(saved, text: str) -> None:
    (saved / "checkpoint.json").write_text(text)
    refused(saved)


def test_code_in_a_checkpoint_is_never_run_even_if_its_sum_is_right(saved, tmp_path) -> None:
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save({"progress": Evil()}, saved / "state.pt")
    manifest = json.loads((saved / "checkpoint.json").read_text())
    manifest["files"]["state.pt"] = sha256((saved / "state.pt").read_bytes()).hexdigest()
    (saved / "checkpoint.json").write_text(json.dumps(manifest))
    assert "holds more than tensors and plain types" in refused(saved)
    assert not (tmp_path / "ran").exists()


def test_the_same_step_again_replaces_it_and_leaves_nothing_behind(saved) -> None:
    checkpoint.save(saved.parent, 7, content(2))
    assert checkpoint.load(saved).state["progress"] == {"epoch": 2}
    assert [path.name for path in saved.parent.iterdir()] == ["step_00000007"]


def test_one_that_was_to_be_replaced_when_a_kill_came_is_found_and_kept(saved, monkeypatch) -> None:
    checkpoint.save(saved.parent, 5, content(1))
    saved.rename(saved.with_name(f".replaced-{saved.name}"))
    (path, found), *_ = [checkpoint.newest_whole(saved.parent)]
    assert path.name == f".replaced-{saved.name}"
    assert found.state["progress"] == {"epoch": 1}

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(UserError, match="earlier checkpoints are whole"):
        checkpoint.save(saved.parent, 7, content(2))
    assert checkpoint.newest_whole(saved.parent)[1].state["progress"] == {"epoch": 1}


def test_the_newest_and_the_best_are_kept(tmp_path) -> None:
    for step in (1, 2, 10, 100):
        checkpoint.save(tmp_path, step, content(step))
    checkpoint.keep(tmp_path, 2, "step_00000001")
    assert [path.name for path in checkpoint.newest(tmp_path)] == ["step_00000100", "step_00000010", "step_00000001"]
