"""A process whose share of a batch is empty computes losses all the same, for others may wait for it there."""

from __future__ import annotations

import pytest
import torch

from frame import Prediction


@pytest.mark.parametrize("name", ["mask", "deep_supervision", "balance"])
@pytest.mark.parametrize(("classes", "mask"), [(1, torch.zeros(0, 1, 8, 8)), (3, torch.zeros(0, 8, 8).long())])
def test_no_loss_refuses_an_empty_batch(loss, name: str, classes: int, mask: torch.Tensor) -> None:
    extras = {"router.0": torch.zeros(0, 5), "load.0": torch.zeros(0, 5)}
    prediction = Prediction(torch.zeros(0, classes, 8, 8), (torch.zeros(0, classes, 4, 4),), extras)
    assert loss(name)(prediction, mask).shape == ()


def test_an_empty_batch_leaves_the_running_shares_finite(loss) -> None:
    balance = loss("balance")
    balance(Prediction(torch.zeros(0, 1, 8, 8), extras=dict.fromkeys(("router.0", "load.0"), torch.zeros(0, 5))), None)
    assert balance.shares["0"].isfinite().all()
