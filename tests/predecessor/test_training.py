"""Faults of the predecessor's training loop: balance, rates, unfreezing, accumulation."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch.nn.modules.module import register_module_forward_hook

from frame import catalog
from frame.config.bind import load_run
from frame.engine.build import build
from frame_heads.router import Router

# 8 images train, 2 steps an epoch: backbone.one joins at the fifth of 12 steps.
FINETUNE = ("train.stages=['finetune']", "stages.finetune.epochs=6")


def test_the_balance_loss_evens_the_work_of_the_experts(train, config, tmp_path) -> None:
    """Fault 1: it counts with bincount, so its balance loss has no gradient and the router is never balanced."""
    config["head"] = {"name": "moe", "experts": ["contrast", "edge"], "top_k": 1, "width": 8}
    config["losses"] = {"plain": {"name": "plain", "weight": 0.0}, "balance": "balance"}  # nothing else teaches it
    run = load_run(config, catalog())
    model = build(run, run.strategy()).model
    for mixture in model.head.mixtures:
        torch.nn.init.zeros_(mixture.router.linear.weight)
        mixture.router.linear.bias.data = torch.tensor([1.0, 0.0])  # the first expert gets all images
    torch.save(model.state_dict(), tmp_path / "unbalanced.pth")
    loads: list[torch.Tensor] = []

    def look(module: torch.nn.Module, _given: object, found: Any) -> None:
        if isinstance(module, Router) and module.training:
            loads.append(found.load.mean(dim=0))

    with register_module_forward_hook(look):
        train(
            f"train.init_from={tmp_path / 'unbalanced.pth'}",
            "train.stages=['decoder']",
            "data.images=250",
            "stages.decoder.epochs=1",
            "stages.decoder.lr=0.01",
        )
    levels = torch.stack(loads).unflatten(0, (-1, 2))  # [steps, levels, experts]
    assert levels[0, :, 0].tolist() == [1, 1]
    assert levels.mean(dim=0).max() < 0.7


def test_unfreezing_keeps_the_optimizer_its_moments_and_its_rate(train, taken) -> None:
    """Fault 2: a new optimizer at each unfreezing, while the scheduler keeps the old one: the rate jumps back."""
    train(*FINETUNE)
    assert ["backbone.one" in step.gradients for step in taken] == [False] * 4 + [True] * 8
    assert len({step.optimizer for step in taken}) == 1
    for before, step in pairwise(taken):
        for name in ("backbone.two", "head.out"):
            expected = 0.9 * before.moments[name] + 0.1 * step.gradients[name]
            torch.testing.assert_close(step.moments[name], expected, rtol=1e-4, atol=1e-7)
    cosine = [0.01 * (1 + math.cos(math.pi * number / 11)) / 2 for number in range(12)]
    assert [step.rates["head.out"] for step in taken] == pytest.approx(cosine)
    assert [step.rates["backbone.one"] for step in taken] == pytest.approx([0.1 * rate for rate in cosine])


@pytest.mark.parametrize("scheduler", ["cosine", "polynomial", "onecycle", "constant"])
def test_the_backbone_has_its_share_of_the_rate_in_every_step(train, taken, scheduler: str) -> None:
    """Fault 3: warm-up writes one rate into both groups, so the backbone trains at ten times what was meant."""
    train(*FINETUNE, "stages.finetune.warmup=2.0", f"stages.finetune.scheduler={scheduler}")
    head = [step.rates["head.out"] for step in taken]
    assert head[:4] == pytest.approx([0.0025, 0.005, 0.0075, 0.01])
    for name in ("backbone.one", "backbone.two"):
        assert [step.rates[name] for step in taken] == pytest.approx([0.1 * rate for rate in head])


@pytest.mark.parametrize(("images", "windows"), [(10, [6, 2]), (20, [6, 6, 4])])
def test_a_partial_window_has_the_gradient_of_the_mean_over_its_own_samples(
    train, taken, images: int, windows: list[int]
) -> None:
    """Fault 10: the last window, a partial one, is divided by the full count."""
    settings = (
        "train.stages=['finetune']",
        f"data.images={images}",
        "stages.finetune.epochs=1",
        "stages.finetune.unfreeze=[0.0, 0.0]",
        "stages.finetune.lr=1e-30",  # both runs have the same weights at each step
    )
    train(*settings, "stages.finetune.batch_size=3", "train.accumulation=2")
    parts = [step.gradients for step in taken]
    taken.clear()
    train(*settings, "stages.finetune.batch_size=6")  # each window's samples as one batch
    assert len(taken) == len(windows)
    torch.testing.assert_close(parts, [step.gradients for step in taken], rtol=1e-4, atol=1e-7)
