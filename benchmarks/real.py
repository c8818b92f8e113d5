"""What benchmarks of real models share: a run on one batch of generated camouflage, loaded before, and waiting."""

from __future__ import annotations

from typing import Any

import torch

EXPERTS = ["texture", "attention", "hybrid", "frequency", "edge", "context", "contrast"]


def tables(backbone: str, head: str, size: int, batch: int) -> dict[str, Any]:
    """A config with clipping, average and deep supervision, and for ``moe`` seven experts, three an image and level."""
    mixed = head == "moe"
    data = {"name": "camouflage", "size": size, "resolution": size, "train": batch}
    losses = {"mask": "mask", "deep": {"name": "deep_supervision", "weight": 0.4}}
    return {
        "data": data | {"validation_images": 1, "workers": 0},
        "backbone": {"name": backbone, "pretrained": False},
        "head": {"name": head} | ({"experts": EXPERTS, "top_k": 3} if mixed else {}),
        "losses": losses | ({"balance": {"name": "balance", "weight": 0.03}} if mixed else {}),
        "metrics": {"iou": "iou"},
        "train": {"clip": 1.0, "ema": 0.999},
        "stages": {"main": {"epochs": 1, "batch_size": batch, "lr": 1e-4}},
    }


def wait(device: torch.device) -> None:
    """Until the device has done what it was asked for."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
