"""The predecessor's ten faults: FIELD.md, section 1. Each test would fail on what the predecessor did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.engine.conftest import config, train  # noqa: F401  (fixtures)
from torch.optim.optimizer import register_optimizer_step_post_hook

if TYPE_CHECKING:
    from collections.abc import Iterator

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
def taken() -> Iterator[list[Taken]]:
    """The steps of a run in order, seen by a hook of torch's own, whatever the engine tells."""
    seen: list[Taken] = []

    def look(optimizer: Optimizer, *_: Any) -> None:
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

    handle = register_optimizer_step_post_hook(look)
    yield seen
    handle.remove()
