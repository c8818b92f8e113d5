"""The optimizer and the gradient norm end where torch's own do, to the bit."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from frame import Strategy
from frame.engine.adamw import FusedAdamW


def groups(model: nn.Module) -> list[dict]:
    first, second = list(model.children())
    return [
        {"params": list(first.parameters()), "lr": 0.1, "weight_decay": 0.2},
        {"params": list(second.parameters()), "lr": 0.01, "weight_decay": 0.0, "betas": (0.8, 0.99)},
    ]


@pytest.fixture
def pair() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Linear(4, 2))
    return model, copy.deepcopy(model)


def give_gradients(models: tuple[nn.Module, nn.Module], step: int) -> None:
    """Both the same; the second part has none in every third step, as when it is frozen."""
    for number, (one, other) in enumerate(zip(*(model.parameters() for model in models), strict=True)):
        rests = number > 1 and step % 3 == 2
        one.grad = None if rests else torch.randn_like(one)
        other.grad = None if rests else one.grad.clone()


def test_steps_are_those_of_torchs_fused_adamw_to_the_bit(pair) -> None:
    theirs, ours = torch.optim.AdamW(groups(pair[0]), fused=True), FusedAdamW(groups(pair[1]))
    for step in range(7):
        give_gradients(pair, step)
        theirs.step()
        ours.step()
        if step == 3:  # each takes up the other's state
            saved = copy.deepcopy(theirs.state_dict()), copy.deepcopy(ours.state_dict())
            ours.load_state_dict(saved[0])
            theirs.load_state_dict(saved[1])
    for one, other in zip(*(model.parameters() for model in pair), strict=True):
        assert torch.equal(one, other)
        assert all(torch.equal(value, ours.state[other][name]) for name, value in theirs.state[one].items())


def test_a_step_that_is_told_of_infinity_changes_nothing(pair) -> None:
    model, before = pair
    optimizer = FusedAdamW(groups(model))
    give_gradients(pair, 0)
    optimizer.found_inf = torch.ones(())
    optimizer.step()
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), before.parameters(), strict=True))
    assert all(not value.any() for state in optimizer.state.values() for value in state.values())
    optimizer.found_inf = torch.zeros(())
    optimizer.step()
    assert not any(torch.equal(one, other) for one, other in zip(model.parameters(), before.parameters(), strict=True))
    assert all(state["step"] == 1 for state in optimizer.state.values())


@pytest.mark.parametrize("limit", [0.5, 1e6, math.inf])
def test_clipping_is_that_of_torch_to_the_bit(pair, limit: float) -> None:
    give_gradients(pair, 2)
    expected = nn.utils.clip_grad_norm_(pair[0].parameters(), limit)
    assert expected > 0.5  # so that there is something to clip
    assert torch.equal(Strategy().clip_grad_norm_(list(pair[1].parameters()), limit), expected)
    for one, other in zip(*(model.parameters() for model in pair), strict=True):
        assert (one.grad is None and other.grad is None) or torch.equal(one.grad, other.grad)
