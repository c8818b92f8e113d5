"""Heads on four small maps, and the built-in experts by name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from frame_heads.moe import MoE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NAMES = ("texture", "attention", "hybrid", "frequency", "edge", "context", "contrast")
CHANNELS, STRIDES = (6, 10, 12, 20), (4, 8, 16, 32)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def expert_class(name: str) -> Callable[..., nn.Module]:
    found: Callable[..., nn.Module] = getattr(import_module(f"frame_heads.experts.{name}"), name.title())
    return found


@pytest.fixture(scope="session")
def seven() -> list[Callable[..., nn.Module]]:
    """The seven built-in experts, as a head gets them: something to call with ``channels``."""
    return [expert_class(name) for name in NAMES]


@pytest.fixture(params=NAMES)
def expert(request: pytest.FixtureRequest) -> Callable[..., nn.Module]:
    """Each built-in expert in turn."""
    return expert_class(request.param)


@pytest.fixture(scope="session")
def features() -> Callable[..., list[Tensor]]:
    """``features(batch, size)``: what a backbone gives for images of that size."""

    def make(batch: int, size: tuple[int, int] = (64, 96)) -> list[Tensor]:
        return [
            torch.randn(batch, c, -(-size[0] // s), -(-size[1] // s)) for c, s in zip(CHANNELS, STRIDES, strict=True)
        ]

    return make


@pytest.fixture(scope="session")
def moe(seven: Sequence[Callable[..., nn.Module]]) -> Callable[..., MoE]:
    """``moe(**options)``: a head of width 16 for those features."""

    def make(**options: Any) -> MoE:
        settings: dict[str, Any] = {"num_classes": 1, "experts": seven, "width": 16, **options}
        return MoE(channels=CHANNELS, strides=STRIDES, **settings)

    return make
