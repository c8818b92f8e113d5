"""Stages, by which progressive unfreezing counts."""

from __future__ import annotations

import pytest
from torch import nn

from frame_backbones.timm_backbone import TimmBackbone


@pytest.mark.parametrize(
    ("model", "count"),
    [
        ("edgenext_xx_small", 4),
        ("test_convnext", 4),
        ("resnet10t", 5),
        ("test_efficientnet", 5),
        ("hrnet_w18_small", 3),
    ],
)
def test_stages_hold_every_parameter_once(model: str, count: int) -> None:
    backbone = TimmBackbone(model=model)
    assert len(backbone.stages) == count
    held = [id(p) for stage in backbone.stages for module in stage for p in module.parameters()]
    assert sorted(held) == sorted(id(p) for p in backbone.parameters())


def test_a_transformer_with_parameters_outside_its_blocks_is_one_stage() -> None:
    backbone = TimmBackbone(model="test_vit")
    assert backbone.stages == [[backbone.net]]


def test_stages_start_at_the_image(small: TimmBackbone) -> None:
    first, *_, last = small.stages
    stem = next(m for module in first for m in module.modules() if isinstance(m, nn.Conv2d))
    assert stem.in_channels == 3
    assert max(m.out_channels for module in last for m in module.modules() if isinstance(m, nn.Conv2d)) >= 168
