"""The ten faults of the script that Frame comes from. Each test would fail on what the script did."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.engine.conftest import config, train  # noqa: F401  (fixtures)

from frame.engine.adamw import FusedAdamW

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

NAMES = ("backbone.one", "backbone.two", "head.out")
"""The small model's layers, from the image's side; progressive unfreezing begins with the second."""


class Taken(NamedTuple):
    """What an optimizer really did in a step; the dicts are by layer."""

    optimizer: Optimizer
    rates: dict[str, float]
    gradients: dict[str, Tensor]
    """Of the layers that have one."""
    moments: dict[str, Tensor]
    """Adam's first, of the layers that have one."""
    weights: dict[str, Tensor]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[Taken]:
    """The steps of a run in order, as its optimizers took them, whatever the engine tells."""
    seen: list[Taken] = []

    def look(optimizer: Optimizer) -> None:
        step = Taken(optimizer, {}, {}, {}, {})
        owned = [(p, group["lr"]) for group in optimizer.param_groups for p in group["params"] if p.ndim == 4]
        for name, (weight, rate) in zip(NAMES, owned, strict=True):
            step.rates[name] = rate
            step.weights[name] = weight.detach().clone()
            if weight.grad is not None:
                step.gradients[name] = weight.grad.clone()
            if weight in optimizer.state:
                step.moments[name] = optimizer.state[weight]["exp_avg"].clone()
        seen.append(step)

    take = FusedAdamW.step

    def step(self: FusedAdamW) -> None:
        take(self)
        look(self)

    monkeypatch.setattr(FusedAdamW, "step", step)
    return seen
