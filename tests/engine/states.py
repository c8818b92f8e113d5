"""Comparing where runs have got to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from frame.engine.checkpoints import checkpoint

if TYPE_CHECKING:
    from pathlib import Path

# Everything that a step may draw from or keep: statistics, dropout, an average, a window of two batches.
SETTINGS = (
    "backbone.norm=true",
    "backbone.drop=0.3",
    "train.ema=0.9",
    "train.clip=1.0",
    "train.accumulation=2",
    "data.images=16",
)


def state_of(folder: Path) -> dict[str, Any]:
    """Everything in the last checkpoint that a later step depends on."""
    content = checkpoint.load(next(checkpoint.newest(folder / "checkpoints")))
    content.state["progress"].pop("best")
    return {"weights": content.weights, "ema": content.ema, **content.state}


def assert_equal(one: Any, other: Any, where: str = "") -> None:
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_equal(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for place, pair in enumerate(zip(one, other, strict=True)):
            assert_equal(*pair, f"{where}.{place}")
    else:
        assert one == other, where
