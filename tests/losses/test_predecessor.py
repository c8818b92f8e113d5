"""``configs/cod10k.toml`` trains on what the script that Frame comes from trained on."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import functional as F

from frame import Prediction, catalog
from frame.config.bind import load_run
from frame.engine.objective import Objective

CONFIG = Path(__file__).parents[2] / "configs" / "cod10k.toml"


def test_its_losses_are_the_predecessors_sum() -> None:
    losses = load_run(CONFIG, catalog()).losses
    objective = Objective(
        {label: loss.part() for label, loss in losses.items()}, {label: loss.weight for label, loss in losses.items()}
    )
    logits, mask = torch.randn(3, 1, 16, 16), (torch.rand(3, 1, 16, 16) > 0.6).float()
    sides = tuple(torch.randn(3, 1, size, size) for size in (8, 4, 2))
    router = torch.rand(3, 7).softmax(dim=1)
    load = torch.zeros(3, 7).scatter(1, router.topk(3).indices, 1.0)
    found, _ = objective(Prediction(logits, sides, {"router.0": router, "load.0": load}), mask)

    p = logits.sigmoid()
    both, areas = (p * mask).sum(dim=(1, 2, 3)), (p + mask).sum(dim=(1, 2, 3))
    iou = 1 - ((both + 1) / (areas - both + 1)).mean()
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    sobel = torch.stack([across, across.T]).unsqueeze(1)
    edges = [F.conv2d(F.pad(each, (1, 1, 1, 1), mode="replicate"), sobel) for each in (p, mask)]
    edge = (edges[0] - edges[1]).square().sum(dim=1).mean()
    balance = 7 * (load.sum(dim=0) / load.sum() * router.mean(dim=0)).sum()
    upsampled = [F.interpolate(side, size=(16, 16), mode="bilinear") for side in sides]
    deep = sum(F.binary_cross_entropy_with_logits(side, mask) for side in upsampled) / 3
    expected = 5 * F.binary_cross_entropy_with_logits(logits, mask) + 3 * iou + 2 * edge + 0.1 * balance + 0.4 * deep
    torch.testing.assert_close(found, expected)
