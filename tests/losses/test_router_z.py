from __future__ import annotations

import math

import pytest
import torch

from frame import Prediction, UserError

NO_MASK = torch.zeros(1)


def test_it_is_the_mean_square_of_the_log_partition_over_images_and_layers(loss):
    scores = {"scores.0": torch.zeros(4, 5), "scores.1": torch.full((4, 2), 3.0)}
    expected = (math.log(5) ** 2 + (3 + math.log(2)) ** 2) / 2
    assert loss("router_z")(Prediction(NO_MASK, extras=scores), NO_MASK) == pytest.approx(expected)


def test_descending_it_makes_scores_small(loss):
    scores = (torch.randn(8, 5) * 4).requires_grad_()
    optimizer = torch.optim.SGD([scores], lr=1.0)
    found = []
    for _ in range(50):
        optimizer.zero_grad()
        value = loss("router_z")(Prediction(NO_MASK, extras={"scores.0": scores}), NO_MASK)
        value.backward()
        optimizer.step()
        found.append(value.item())
    assert found[-1] < 0.1 * found[0]


def test_bfloat16_scores_are_counted_in_float32(loss):
    scores = torch.randn(4, 5).bfloat16()
    assert loss("router_z")(Prediction(NO_MASK, extras={"scores.0": scores}), NO_MASK).dtype == torch.float32


def test_a_head_without_router_is_met_with_the_remedy(loss):
    with pytest.raises(UserError, match=r'head\.name = "moe"'):
        loss("router_z")(Prediction(NO_MASK), NO_MASK)
