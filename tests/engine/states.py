"""Comparing where runs have got to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from frame.engine import checkpoint

if TYPE_CHECKING:
    from pathlib import Path


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
    else:
        assert one == other, where
