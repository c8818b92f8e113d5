"""Checkpoints in shards: what each process holds, read whole by any strategy, and nothing in them is run."""

from __future__ import annotations

import json
import pickle
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from tests.engine.states import assert_equal
from tests.strategies.test_portability import EACH_STEP, MIDDLE
from tests.strategies.test_training import CLOSE, SETTINGS

from frame.engine.checkpoints import checkpoint
from frame.engine.checkpoints.shards import read_shards
from frame.engine.checkpoints.weights import read_weights


def newest(folder: Path) -> Path:
    return next(checkpoint.newest(folder / "checkpoints"))


def test_shards_hold_to_the_bit_what_whole_files_hold(run_of, train) -> None:
    run_of("fsdp", *SETTINGS, "strategy.checkpoints=both", name="both")
    path = newest(train.runs / "both")
    assert len(list((path / "shards").glob("*.distcp"))) == 2  # one a process
    content = checkpoint.load(path)
    weights, ema, moments = read_shards(path)
    assert_equal(weights, content.weights)
    assert_equal(ema, content.ema)
    assert_equal(moments, content.state["optimizer"])


@pytest.fixture
def sharded(run_of, train) -> Path:
    """A checkpoint in shards alone, in the middle of the second stage of a run that has lost those after it."""
    run_of("fsdp", *EACH_STEP, "strategy.checkpoints=sharded", name="sharded")
    folder = train.runs / "sharded" / "checkpoints"
    (folder / checkpoint.name(12)).rename(train.runs / "end")
    for step in range(MIDDLE + 1, 12):
        shutil.rmtree(folder / checkpoint.name(step))
    return folder / checkpoint.name(MIDDLE)


def test_one_device_goes_on_from_shards(sharded, run_of, train) -> None:
    assert {path.name for path in sharded.iterdir()} == {"shards", "state.pt", "checkpoint.json"}
    assert_equal(read_weights(sharded), checkpoint.load(sharded).ema)
    losses, _, _, found = run_of("single", *EACH_STEP, name="sharded", resume=True)
    assert len(losses) == 12 - MIDDLE
    end = checkpoint.load(train.runs / "end")
    torch.testing.assert_close(found["weights"], end.weights, **CLOSE)
    torch.testing.assert_close(found["ema"], end.ema, **CLOSE)


def test_a_damaged_shard_is_refused(sharded) -> None:
    shard = next((sharded / "shards").glob("*.distcp"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(checkpoint.DamagedError, match="is not what was written"):
        checkpoint.load(sharded)


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_code_in_the_index_is_never_run_even_if_its_sum_is_right(sharded, tmp_path) -> None:
    index = sharded / "shards" / ".metadata"
    index.write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    manifest = json.loads((sharded / "checkpoint.json").read_text())
    manifest["files"]["shards/.metadata"] = sha256(index.read_bytes()).hexdigest()
    (sharded / "checkpoint.json").write_text(json.dumps(manifest))
    with pytest.raises(checkpoint.DamagedError, match="more than tensors and plain types"):
        checkpoint.load(sharded)
    assert not (tmp_path / "ran").exists()
