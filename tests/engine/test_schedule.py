"""Rates and freezing are functions of the position alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from frame.config.tables import StageTable
from frame.engine.model import Segmenter
from frame.engine.objective import Objective
from frame.engine.schedule import rate_factor, trained_backbone_stages
from frame.engine.stages import StagePlan, build_optimizer, set_rates, set_trained


def stage(**settings) -> StageTable:
    return StageTable(**({"epochs": 10, "batch_size": 4, "lr": 1.0} | settings))


def rates(table: StageTable, steps_per_epoch: int = 10) -> list[float]:
    steps = table.epochs * steps_per_epoch
    return [rate_factor(table, step, steps, steps_per_epoch) for step in range(steps)]


@pytest.mark.parametrize("scheduler", ["cosine", "polynomial", "onecycle", "constant"])
def test_the_rate_rises_in_the_warm_up_and_ends_at_its_lowest(scheduler: str) -> None:
    found = rates(stage(scheduler=scheduler, warmup=2.0, min_lr=0.1))
    assert found[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    assert found[-1] == pytest.approx(1.0 if scheduler == "constant" else 0.1)
    peak = 20 if scheduler != "onecycle" else 44
    assert max(found[20:]) == pytest.approx(1.0, abs=1e-3)
    assert found[peak:] == sorted(found[peak:], reverse=True)


def test_the_cosine_is_half_way_in_the_middle() -> None:
    found = rates(stage(epochs=1, min_lr=0.2), steps_per_epoch=101)
    assert (found[0], found[50], found[100]) == pytest.approx((1.0, 0.6, 0.2))


def test_one_step_alone_has_the_full_rate() -> None:
    assert rate_factor(stage(epochs=1), 0, 1, 1) == 1.0


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"unfreeze": "progressive"}, [1] * 34 + [2] * 33 + [4] * 33),
        ({"unfreeze": (0.1, 0.5)}, [0] * 10 + [1] * 40 + [2] * 50),
        ({"frozen": ("backbone",)}, [0] * 100),
        ({}, [4] * 100),
    ],
)
def test_backbone_stages_join_at_their_fractions(settings, expected) -> None:
    table = stage(**settings)
    assert [trained_backbone_stages(table, step, 100, 4) for step in range(100)] == expected


class Bone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm_a = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.b, self.drop = nn.Conv2d(4, 4, 3), nn.Dropout(0.5)
        self.last_norm = nn.LayerNorm(4)

    @property
    def stages(self):
        return [[self.a, self.norm_a], [self.b, self.drop]]


def segmenter() -> Segmenter:
    return Segmenter(Bone(), nn.Conv2d(4, 1, 1))


def trained(model: nn.Module) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_what_is_fixed_gets_no_gradient_and_stays_in_eval_mode() -> None:
    model = segmenter()
    set_trained(model, stage(), 1)
    assert trained(model) == {"backbone.b.weight", "backbone.b.bias", "head.weight", "head.bias"}
    assert not model.backbone.norm_a.training
    assert model.backbone.drop.training
    assert not model.backbone.last_norm.training
    set_trained(model, stage(), 2)
    assert trained(model) == {name for name, _ in model.named_parameters()}
    assert all(module.training for module in model.modules())
    set_trained(model, stage(frozen=("head",)), 2)
    assert not {name for name in trained(model) if name.startswith("head")}


def test_groups_keep_their_ratio_and_spare_norms_and_biases() -> None:
    model = segmenter()
    plan = StagePlan("main", stage(backbone_lr_scale=0.1, warmup=1.0), steps_per_epoch=10, first_epoch=0)
    optimizer = build_optimizer(plan, model, Objective({}, {}), weight_decay=0.01)
    for step in (0, 5, 10, 50, 99):
        set_rates(optimizer, plan.rates(step))
        found = {(group["part"], group["weight_decay"] > 0): group["lr"] for group in optimizer.param_groups}
        assert found["backbone", True] == pytest.approx(0.1 * found["head", True])
        assert found["backbone", True] == found["backbone", False]
    decayed = {id(p) for group in optimizer.param_groups if group["weight_decay"] for p in group["params"]}
    assert decayed == {id(p) for p in model.parameters() if p.ndim > 1}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))


def test_moments_survive_unfreezing() -> None:
    model = segmenter()
    plan = StagePlan("main", stage(), steps_per_epoch=1, first_epoch=0)
    optimizer = build_optimizer(plan, model, Objective({}, {}), weight_decay=0.0)
    set_trained(model, stage(), 0)
    model.head(torch.randn(1, 4, 2, 2)).sum().backward()
    optimizer.step()
    moment = optimizer.state[model.head.weight]["exp_avg"].clone()
    assert model.backbone.b.weight not in optimizer.state
    set_trained(model, stage(), 2)
    assert torch.equal(optimizer.state[model.head.weight]["exp_avg"], moment)
